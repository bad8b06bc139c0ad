"""The three steps to verify a list on an account's own carrier; see `domain/verification.py`.

Each finished step is stored, so that the verification can be continued later. The last step is not
taken here: the process that applies the reply verifies the list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sendrail.connectors.service import ConnectorService
from sendrail.contacts.inputs import owned_list
from sendrail.domain.errors import Conflict, InvalidInput, SendrailError
from sendrail.domain.ids import AccountId, MessageId, MessageIds
from sendrail.domain.message import Skip, Status
from sendrail.domain.order import Fault
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import Connector, SendingList
from sendrail.domain.verification import Progress, Step, next_step
from sendrail.intake.orders import Limits, read_order
from sendrail.intake.service import Intake
from sendrail.intake.verdicts import Refused
from sendrail.storage.interface import Store, Tx

# A caller may repeat the test soon after: the same text again is no mistake here.
_SKIPS: Final = Skip.VERIFICATION | Skip.DUPLICATE | Skip.JOURNEY


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationStatus:
    """A list's progress; a list that needs no verification is done from the start."""

    sender: SendingList
    connector: Connector
    progress: Progress | None
    step: Step
    message_id: MessageId | None = None
    message_status: Status | None = None


class VerificationService:
    """The steps, one method each."""

    def __init__(
        self,
        store: Store,
        connectors: ConnectorService,
        intake: Intake,
        ids: MessageIds,
        *,
        limits: Limits,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._connectors = connectors
        self._intake = intake
        self._ids = ids
        self._limits = limits
        self._now = now

    async def status(self, account_id: AccountId, list_number: PhoneNumber) -> VerificationStatus:
        """Return a list's progress."""
        return await self._store.read(
            lambda tx: self._status(tx, owned_list(tx, account_id, list_number))
        )

    async def check(self, account_id: AccountId, list_number: PhoneNumber) -> VerificationStatus:
        """Take the first step: try the credentials. Raise `CarrierTrouble` if they do not work."""
        before = await self.status(account_id, list_number)
        answer = await self._connectors.check(before.connector)

        def write(tx: Tx) -> VerificationStatus:
            sender = owned_list(tx, account_id, before.sender.number)
            connector = tx.connectors.by_id(sender.connector_id)
            if connector is None or (connector.id, connector.version) != (
                before.connector.id,
                before.connector.version,
            ):
                raise Conflict("The connector was changed meanwhile. Verify the list again.")
            tx.verifications.begin(sender.id, answer, self._now())
            return self._status(tx, sender)

        return await self._store.write(write)

    async def send_test(
        self, account_id: AccountId, list_number: PhoneNumber, to: str
    ) -> VerificationStatus:
        """Take the second step: send a real message to a handset of the caller.

        It passes the gate like any other message, except for the check of verification.
        """
        before = await self.status(account_id, list_number)
        if before.step not in {Step.TEST_SEND, Step.REPLY}:
            raise Conflict(f"Not now: the list's next step is {before.step}.")
        shown = before.sender.shown
        text = f"Test of {shown}: please reply OK to this message."
        order = read_order(to, shown, text, self._limits, skips=_SKIPS)
        if isinstance(order, Fault):
            raise InvalidInput(order.text, code=order.code, param=order.param)
        [verdict] = await self._intake.accept(account_id, [order])
        if isinstance(verdict, Refused):
            raise SendrailError(f"{verdict.text}.", code=verdict.code, param=verdict.param)

        def write(tx: Tx) -> VerificationStatus:
            sender = owned_list(tx, account_id, before.sender.number)
            tx.verifications.sent(sender.id, order.recipient, verdict.number, self._now())
            return self._status(tx, sender)

        return await self._store.write(write)

    def _status(self, tx: Tx, sender: SendingList) -> VerificationStatus:
        connector = tx.connectors.by_id(sender.connector_id)
        assert connector is not None, "a list's connector keeps its row"
        progress = tx.verifications.find(sender.id)
        step = next_step(progress, sender.verified_at) if sender.byoc else Step.DONE
        found = None
        if progress is not None and progress.message_number is not None:
            found = tx.lookup.find(sender.account_id, progress.message_number)
        return VerificationStatus(
            sender=sender,
            connector=connector,
            progress=progress,
            step=step,
            message_id=None if found is None else self._ids.show(found.number),
            message_status=None if found is None else found.status,
        )
