"""Test messages of a schedule: a text of it to a few numbers of its author's, through the gate.

They are messages that the account sends itself: they come from no run, so that no cap, no report
and no run knows of them, and their links lead on without counting for an offer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.campaigns.planner import sending_as
from sendrail.campaigns.planning import CompiledText, ListSender, compiled
from sendrail.campaigns.preflight import targets_of, usable_lists
from sendrail.campaigns.run_content import Variant, variants_of
from sendrail.campaigns.schedules import owned_schedule
from sendrail.domain import phone
from sendrail.domain.errors import Conflict, InvalidInput, SendrailError
from sendrail.domain.ids import AccountId
from sendrail.domain.message import Skip
from sendrail.domain.order import Fault, Order
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.placeholders import MissingValue, inert, values_of
from sendrail.domain.recipient_links import shown
from sendrail.domain.sender import SendingList
from sendrail.intake.orders import INVALID_PHONE, Limits, measured
from sendrail.intake.service import Intake
from sendrail.intake.submission import AwaitedSubmission, IdempotencyKey, Shaped
from sendrail.intake.verdicts import Replay, Verdict
from sendrail.storage.interface import Store, Tx

NUMBERS_MAX: Final = 5
# A text is tried again and again, until it is right.
_SKIPS: Final = int(Skip.DUPLICATE)
_NOT_A_NUMBER: Final = Fault(INVALID_PHONE.code, INVALID_PHONE.text.replace("to must", "It must"))

Shape = Callable[[Sequence[Verdict]], Shaped]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialInput:
    """Where test messages go, which text they have, and for which contact it is filled.

    `variant` counts from 1. Without a contact, fields have their defaults, or else their names.
    """

    phone_numbers: Sequence[str]
    variant: int = 1
    contact: str | None = None


class TrialSender:
    """Sends test messages of an account's schedules."""

    def __init__(
        self, store: Store, intake: Intake, limits: Limits, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._intake = intake
        self._limits = limits
        self._now = now

    async def send(
        self,
        account_id: AccountId,
        ref: str,
        given: TrialInput,
        *,
        key: IdempotencyKey | None = None,
        shape: Shape | None = None,
    ) -> Sequence[Verdict] | Replay:
        """Send a text of a schedule to some numbers; return a verdict for each, in order.

        Under a key the answer is kept in the form that `shape` gives it, and may be an earlier one.

        Raises `InvalidInput` for the first field at fault, `NotFound`, `Conflict` where nothing can
        be sent now, and as `Intake.accept` does.
        """
        assert key is None or shape is not None, "an answer is kept in a form"
        if not 1 <= len(given.phone_numbers) <= NUMBERS_MAX:
            raise InvalidInput(
                f"A test goes to 1 to {NUMBERS_MAX} numbers",
                code="invalid_field",
                param="phone_numbers",
            )
        orders = await self._store.read(lambda tx: self._orders(tx, account_id, ref, given))
        submission = _TrialSubmission(account_id, orders, key, shape)
        self._intake.offer(submission)
        result = await submission.future
        if isinstance(result, SendrailError):
            raise result
        return result

    def _orders(
        self, tx: Tx, account_id: AccountId, ref: str, given: TrialInput
    ) -> Sequence[Order | Fault]:
        schedule, now = owned_schedule(tx, account_id, ref), self._now()
        targets = targets_of(tx, schedule, now)
        variants = variants_of(tx, schedule, now, keeps_links=False)
        senders = usable_lists(tx, schedule, targets)
        if not senders or not variants:
            raise Conflict("It has no text, or no list, to send now.", code="nothing_to_send")
        text = compiled(_chosen(variants, given.variant))
        sender, names = senders[0], {each.name: each.name for each in text.template.fields}
        if given.contact is not None:
            sender, names = _filled_for(tx, given.contact, senders)
        by = sending_as(tx, sender)
        if brand := inert(by.brand):
            names["brand_name"] = brand
        return self._filled(text, names, by, given)

    def _filled(
        self, text: CompiledText, values: dict[str, str], by: ListSender, given: TrialInput
    ) -> Sequence[Order | Fault]:
        if given.contact is None:
            # A default is what most of those get who have no value.
            values = values | {
                each.name: each.default for each in text.template.fields if each.default is not None
            }
        rendered = text.template.render(values)
        if isinstance(rendered, MissingValue):
            raise InvalidInput(
                f"The contact has no value for {rendered.name}; a default is written "
                f"{{{{{rendered.name}|friend}}}}",
                code="missing_field",
                param=rendered.name,
            )
        links = tuple(shown(url, values) for url in text.links)
        return [
            self._order(number, rendered.text, links, by)
            for number in map(phone.parse, given.phone_numbers)
        ]

    def _order(
        self, recipient: PhoneNumber | None, text: str, links: tuple[str, ...], by: ListSender
    ) -> Order | Fault:
        if recipient is None:
            return _NOT_A_NUMBER
        body = by.frame.around(text, recipient)
        if links:
            # It is measured when it is known how long its links are.
            return Order(recipient, by.number, body, _SKIPS, links=links)
        size = measured(body, self._limits)
        if isinstance(size, Fault):
            return size
        return Order(recipient, by.number, body, _SKIPS, None, *size)


class _TrialSubmission(AwaitedSubmission):
    """Test messages on their way in."""

    __slots__ = ("_shape",)

    def __init__(
        self,
        account_id: AccountId,
        orders: Sequence[Order | Fault],
        key: IdempotencyKey | None,
        shape: Shape | None,
    ) -> None:
        super().__init__(account_id, orders, key)
        self._shape = shape

    def shape(self, verdicts: Sequence[Verdict]) -> Shaped:
        assert self._shape is not None, "only an answer under a key is kept"
        return self._shape(verdicts)


def _chosen(variants: Sequence[Variant], number: int) -> Variant:
    found = next((each for each in variants if each.number == number), None)
    if found is None:
        raise InvalidInput(
            f"The schedule has {len(variants)} texts, counted from 1",
            code="invalid_field",
            param="variant",
        )
    return found


def _filled_for(
    tx: Tx, number: str, senders: Sequence[SendingList]
) -> tuple[SendingList, dict[str, str]]:
    """Return the first list that has a contact, and the values of its fields."""
    recipient = phone.parse(number)
    for sender in senders:
        contact = None if recipient is None else tx.contacts.find(sender.id, recipient)
        if recipient is not None and contact is not None:
            zones = tx.gate.zones(sender.account_id, [recipient])
            names = {
                "first_name": contact.first_name, "last_name": contact.last_name,
                "timezone": zones.get(recipient),
            }  # fmt: skip
            return sender, values_of(names, contact.custom_fields)
    raise InvalidInput(
        "No list of the schedule has such a contact",
        code="list_contact_not_found",
        param="contact",
    )
