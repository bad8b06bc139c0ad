"""Which account owns a sender on a connector that accounts share.

The account whose list sends as it first has it from then on, also once the list is deleted: its
opt-outs live as long. No other account's list may send as it, and a reply to it is for no other
account. The operator may give it to another account. On an account's own connector every sender is
the account's.
"""

from collections.abc import Callable, Sequence

from sendrail.domain import phone, sender_ids
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.accounts.senders import SenderOwner
from sendrail.storage.interface import Store, Tx


def claim_sender(tx: Tx, sender: SendingList, now: int) -> None:
    """Let the account of a list have its sender on the shared connectors that the list goes by.

    Raises `Conflict` where it is another account's, which the error does not name.
    """
    shared = [] if sender.byoc else [sender.connector_id]
    if sender.second_connector_id is not None:
        shared.append(sender.second_connector_id)
    if not tx.senders.claim(sender.account_id, sender.number, shared, now):
        raise Conflict(
            f"{sender.shown} is another account's on this connector. Choose a number of "
            "your own, or ask the operator to assign it to you.",
            code="sender_taken",
            param="list_number",
        )


class SenderService:
    """An operator's actions on senders of the connectors that accounts share."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def all(self) -> Sequence[SenderOwner]:
        """Return every sender that is an account's, by connector and number."""
        return await self._store.read(lambda tx: tx.senders.all())

    async def assign(self, account_id: AccountId, sender: PhoneNumber, connector: str) -> None:
        """Give a sender to an account.

        Raises `Conflict` while another account has a list that sends as it, and `InvalidInput`
        where there is no such connector to share.
        """

        def assign(tx: Tx) -> None:
            connector_id = _shared_connector(tx, connector)
            if tx.senders.in_use(sender, connector_id) not in {None, account_id}:
                raise _in_use(sender)
            tx.senders.assign(account_id, sender, connector_id, self._now())

        await self._store.write(assign)

    async def release(self, sender: PhoneNumber, connector: str) -> None:
        """Take a sender from its account; the account of the next list that sends as it gets it.

        Raises `Conflict` while a list sends as it, and `NotFound` where no account has it.
        """

        def release(tx: Tx) -> None:
            connector_id = _shared_connector(tx, connector)
            if tx.senders.in_use(sender, connector_id) is not None:
                raise _in_use(sender)
            if not tx.senders.release(sender, connector_id):
                raise NotFound(
                    f"The sender is no account's on {connector}; `sendrail senders list` shows "
                    "which are.",
                    code="sender_not_found",
                )

        await self._store.write(release)


def _shared_connector(tx: Tx, name: str) -> ConnectorId:
    shared = {connector.name: connector.id for connector in tx.connectors.usable(None)}
    if name not in shared:
        names = ", ".join(sorted(shared)) or "none"
        raise InvalidInput(
            f"There is no connector {name} that accounts share; there are: {names}.",
            code="invalid_connector",
            param="connector",
        )
    return shared[name]


def _in_use(sender: PhoneNumber) -> Conflict:
    written = phone.show(sender) if sender_ids.takes_replies(sender) else "NAME"
    return Conflict(
        "A list of another account sends as it. Delete that first: `sendrail --account ACCOUNT "
        f"lists delete {written}`.",
        code="sender_taken",
    )
