"""Which account owns a sender on a connector that accounts share.

The account whose list sends as it first has it from then on, also once the list is deleted: its
opt-outs live as long. No other account's list may send as it, and a reply to it is for no other
account. The operator may give it to another account. On an account's own connector every sender is
the account's.
"""

from collections.abc import Callable, Sequence

from sendrail.domain import phone, sender_ids
from sendrail.domain.audit import OURSELVES, Action, Actor
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
    claim_number(tx, sender.account_id, sender.number, sender.shown, shared, now)


def claim_number(  # noqa: PLR0917 - a claim's parts
    tx: Tx,
    account_id: AccountId,
    number: PhoneNumber,
    shown: str,
    shared: Sequence[ConnectorId],
    now: int,
) -> None:
    """Let an account have a sender on connectors that accounts share; raises as `claim_sender`.

    Where it is another account's on the first of them, nothing is written.
    """
    if not tx.senders.claim(account_id, number, shared, now):
        raise Conflict(
            f"{shown} is another account's on this connector. Choose a number of "
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

    async def assign(
        self, account_id: AccountId, sender: PhoneNumber, connector: str, actor: Actor = OURSELVES
    ) -> None:
        """Give a sender to an account; both it and the one that had the sender find an entry.

        Raises `Conflict` while another account has a list that sends as it, and `InvalidInput`
        where there is no such connector to share.
        """

        def assign(tx: Tx) -> None:
            connector_id = _shared_connector(tx, connector)
            if tx.senders.in_use(sender, connector_id) not in {None, account_id}:
                raise _in_use(sender)
            before = tx.senders.owner(sender, connector_id)
            if before == account_id:
                return
            tx.senders.assign(account_id, sender, connector_id, self._now())
            if before is not None:
                self._note(tx, before, actor, Action.SENDER_RELEASED, sender, connector)
            self._note(tx, account_id, actor, Action.SENDER_ASSIGNED, sender, connector)

        await self._store.write(assign)

    async def release(self, sender: PhoneNumber, connector: str, actor: Actor = OURSELVES) -> None:
        """Take a sender from its account; the account of the next list that sends as it gets it.

        Raises `Conflict` while a list sends as it, and `NotFound` where no account has it.
        """

        def release(tx: Tx) -> None:
            connector_id = _shared_connector(tx, connector)
            if tx.senders.in_use(sender, connector_id) is not None:
                raise _in_use(sender)
            account_id = tx.senders.owner(sender, connector_id)
            if account_id is None:
                raise NotFound(
                    f"The sender is no account's on {connector}; `sendrail senders list` shows "
                    "which are.",
                    code="sender_not_found",
                )
            tx.senders.release(sender, connector_id)
            self._note(tx, account_id, actor, Action.SENDER_RELEASED, sender, connector)

        await self._store.write(release)

    def _note(  # noqa: PLR0917 - the parts of an entry
        self,
        tx: Tx,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        sender: PhoneNumber,
        connector: str,
    ) -> None:
        # A name stands there as a digest, which its list shows as it is.
        about = f"sender {_written(sender) or sender}"
        tx.audit.add(account_id, actor, action, about, {"connector": connector}, self._now())


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
    written = _written(sender) or "NAME"
    return Conflict(
        "A list of another account sends as it. Delete that first: `sendrail --account ACCOUNT "
        f"lists delete {written}`.",
        code="sender_taken",
    )


def _written(sender: PhoneNumber) -> str:
    """Return a number as it is written; empty for a sender's name, which is kept as a digest."""
    return phone.show(sender) if sender_ids.takes_replies(sender) else ""
