"""The sandbox: a first account's list whose messages the simulator delivers, and its handsets."""

from typing import Final

from sendrail.carriers.simulator import wire
from sendrail.carriers.simulator.numbers import MAGIC
from sendrail.connectors.secret_box import SecretBox
from sendrail.connectors.service import add_connector
from sendrail.contacts.lists import ListService
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.ids import AccountId, ConnectorId, MessageId
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.phone import PhoneNumber, show
from sendrail.domain.sender import OnUncertain
from sendrail.domain.text import Encoding
from sendrail.domain.webhook import Event
from sendrail.intake.service import Intake
from sendrail.intake.verdicts import Refused
from sendrail.receipts.inbox import CallbackInbox
from sendrail.settings import Settings
from sendrail.storage.interface import Store, Tx

SANDBOX_CONNECTOR: Final = "sandbox"
# In the fictional 555 area code, outside the simulator's magic block.
SANDBOX_NUMBER: Final = PhoneNumber(15550001000)
# Outside the magic block as well; the simulator delivers to such a one at once.
_HANDSET: Final = PhoneNumber(15550001001)
_NO_CHECKS: Final = Skip.DUPLICATE | Skip.RATE_LIMIT | Skip.CONTACT_VALIDATION | Skip.JOURNEY
_TEXT: Final = "A test by sendrail trigger"
_SANDBOX_WINDOW: Final = 500
SIMULATOR: Final = "simulator"


def first_run(tx: Tx, settings: Settings, secret_box: SecretBox, now: int) -> AccountId:
    """Return the first account, made with its sandbox where there is none yet."""
    secret_box.open_house(tx, now)
    if accounts := tx.accounts.all():
        return accounts[0].id
    account = tx.accounts.add("default", now)
    connector = add_connector(
        tx, secret_box, None, SANDBOX_CONNECTOR, SIMULATOR, {}, now, _SANDBOX_WINDOW
    )
    tx.lists.add(
        account,
        SANDBOX_NUMBER,
        name="Sandbox",
        brand="Sandbox",
        rate=settings.default_list_rate,
        connector_id=connector,
        byoc=False,
        on_uncertain=OnUncertain.HOLD,
        now=now,
    )
    tx.senders.claim(account, SANDBOX_NUMBER, [connector], now)
    return account


class SandboxService:
    """The handsets of the sandbox, as a person moves them."""

    def __init__(
        self, store: Store, lists: ListService, intake: Intake, inbox: CallbackInbox
    ) -> None:
        self._store = store
        self._lists = lists
        self._intake = intake
        self._inbox = inbox

    async def trigger(self, account_id: AccountId, event: Event) -> None:
        """Make an event of the first account happen, of which it is notified; a server must run.

        The event goes the whole way: a message through the gate, the simulator and its receipt, or
        a handset's reply through the inbox. Raises `SendrailError` where the message is refused.
        """
        if event is Event.DELIVERY:
            order = Order(_HANDSET, SANDBOX_NUMBER, _TEXT, _NO_CHECKS)
            [verdict] = await self._intake.accept(account_id, [order])
            if isinstance(verdict, Refused):
                raise SendrailError(verdict.text, code=verdict.code, param=verdict.param)
            return
        connectors = await self._store.read(lambda tx: tx.connectors.all())
        [sandbox] = [connector for connector in connectors if connector.name == SANDBOX_CONNECTOR]
        body = "STOP" if event is Event.UNSUBSCRIBE else _TEXT
        await self._put(sandbox.id, _HANDSET, SANDBOX_NUMBER, body)

    async def reply(
        self, account_id: AccountId, handset: PhoneNumber, list_number: PhoneNumber, body: str
    ) -> None:
        """Let a handset send a text to a list of the account.

        Raises `NotFound` for a list that is not the account's, or does not go by a simulator.
        """
        found = await self._lists.find(account_id, list_number)
        if found.connector is None or found.connector.kind != SIMULATOR:
            raise NotFound("This list does not send through the sandbox.", code="list_not_found")
        await self._put(found.connector.id, handset, list_number, body)

    async def _put(
        self, connector_id: ConnectorId, handset: PhoneNumber, list_number: PhoneNumber, body: str
    ) -> None:
        sent = OutboundMessage(
            message_id=MessageId(""),
            recipient=handset,
            sender=show(list_number),
            body="",
            encoding=Encoding.GSM7,
            segments=1,
        )
        await self._inbox.put(connector_id, [wire.reply(sent, body)])


def magic_numbers() -> list[tuple[str, str]]:
    """Return the numbers that make the sandbox behave in a given way, and what each does."""
    return [(f"+{row.number}", row.says) for row in MAGIC]


def sandbox_number() -> str:
    """Return the sandbox list's number as the API speaks it."""
    return show(SANDBOX_NUMBER)
