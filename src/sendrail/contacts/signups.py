"""Numbers coming to lists: who is new, what is merged, who starts a journey.

A contact who has opted out stays out, however they come, unless the sign-up brings evidence of a
new consent, or they write START. Their names and custom fields are kept up to date all the same,
and the caller gets a warning.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import msgspec

from sendrail.contacts.inputs import NAME_LENGTH_MAX
from sendrail.contacts.returning import bring_back, refusal
from sendrail.domain.contact import (
    FIELDS_BYTES_MAX,
    Journey,
    JourneyStatus,
    PhoneFacts,
    Scalar,
    SignUp,
    SignupFacts,
    Trigger,
)
from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys.document import Occasion
from sendrail.domain.journeys.entering import Happening
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.storage.contacts.signups import SubscriptionState, SubscriptionUpdate
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.passages import FieldChange

_encode: Final = msgspec.json.Encoder().encode
_FRESH: Final = SubscriptionState(active=True, signed_up=True, custom_fields={})
_KNOWN: Final = SubscriptionState(active=True, signed_up=True, custom_fields={})
# Of a person whose data was deleted nothing is kept, but that they stay out.
_ERASED: Final = SubscriptionState(active=False, signed_up=False, custom_fields={})


class SignUpNotice(StrEnum):
    """What a caller who brings a contact should know, though nothing failed."""

    CONTACT_UNSUBSCRIBED = "contact_unsubscribed"
    CONTACT_BLOCKED = "contact_blocked"
    LIST_INACTIVE = "list_inactive"
    NO_JOURNEY = "no_journey"
    JOURNEYS_NOT_USED = "journeys_not_used"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """What became of one sign-up."""

    sender: SendingList
    recipient: PhoneNumber
    is_new_contact: bool
    is_new_list_contact: bool
    resubscribed: bool
    notices: Sequence[SignUpNotice]


Outcome = SignedUp | InvalidInput


@dataclass(frozen=True, slots=True)
class SignUpReport:
    """What became of sign-ups, in their order, and how many journeys they started.

    `facts` is what is known of the number, where its one sign-up asks for that.
    """

    outcomes: Sequence[Outcome]
    journeys_enrolled: int
    facts: PhoneFacts | None = None


def merged(
    known: Mapping[str, Scalar], given: Mapping[str, Scalar | None], *, replacing: bool = False
) -> dict[str, Scalar]:
    """Return the custom fields after a change; a field of None is taken away.

    Blanks around a field's name are no part of it: no text could ask for such a field.

    Raises `InvalidInput` where there are too many of them, where one has no proper name, and for a
    NUL character, which PostgreSQL stores nowhere.
    """
    fields = {} if replacing else dict(known)
    for said, value in given.items():
        name = said.strip()
        if not name or len(name) > NAME_LENGTH_MAX:
            raise InvalidInput(
                f"A custom field's name has 1 to {NAME_LENGTH_MAX} characters.",
                param="custom_fields",
            )
        if "\0" in name or (isinstance(value, str) and "\0" in value):
            raise InvalidInput(
                "A custom field must not contain the NUL character.", param="custom_fields"
            )
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    if len(_encode(fields)) > FIELDS_BYTES_MAX:
        raise InvalidInput(
            f"All custom fields of a contact take at most {FIELDS_BYTES_MAX:,} bytes. Take some "
            "away, or replace them all.",
            code="payload_too_large",
            param="custom_fields",
        )
    return fields


def changed_fields(before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> list[str]:
    """Return the sorted names of the custom fields that two states of a contact differ in.

    To Python 1 and true are equal, and so are 0 and false; to conditions they are not.
    """

    def said(fields: Mapping[str, Scalar], name: str) -> tuple[bool, Scalar | None]:
        value = fields.get(name)
        return isinstance(value, bool), value

    return sorted(name for name in {*before, *after} if said(before, name) != said(after, name))


def keep_fields(  # noqa: PLR0917 - a row, and what is around it
    tx: Tx,
    sender: SendingList,
    recipient: PhoneNumber,
    before: Mapping[str, Scalar],
    after: Mapping[str, Scalar],
    now: int,
) -> list[str]:
    """Store a contact's custom fields and let journeys know; return the names that changed."""
    changed = changed_fields(before, after)
    if changed:
        tx.signups.set_fields(sender.id, recipient, after)
        change = FieldChange(recipient, before, after)
        tx.passages.fields_changed(sender.account_id, sender.id, [change], now)
    return changed


def sign_up(tx: Tx, sender: SendingList, signups: Sequence[SignUp], now: int) -> SignUpReport:
    """Subscribe numbers to a list of the account; what cannot be taken holds nothing up.

    A number that comes twice is taken as if its second sign-up came a moment later.
    """
    wanted = _together(signups)
    erased = _erased(tx, sender, wanted)
    taken = {number: signup for number, signup in wanted.items() if number not in erased}
    if tx.journey_facts.of_list(sender.id):
        # First: a round that holds them may write the contacts' rows next.
        tx.enrolments.hold((sender.id, number) for number in taken)
    standings, refused = _subscribe(tx, sender, taken, now)
    back = _bring_back(tx, sender, taken, standings, now)
    emails = {number: wanted[number].email for number in sorted(standings)}
    new_contacts = tx.signups.upsert_contacts(sender.account_id, emails, now)
    zones = {number: zone for number in standings if (zone := wanted[number].timezone)}
    tx.numbers.tell_zones(sender.account_id, zones)
    standings |= dict.fromkeys(erased, _ERASED)
    blocked = tx.gate.blocked(sender.account_id, list(standings))
    is_anyone_new = any(standing is _FRESH for standing in standings.values())
    journeys = _journeys(tx, sender, wanted.values(), is_anyone_new=is_anyone_new)
    starting = [
        number
        for number, standing in standings.items()
        if number not in blocked
        and wanted[number].use_journeys
        and _may_start(wanted[number], standing)
    ]
    started = journeys.start(tx, sender, starting, now)
    outcomes: list[Outcome] = []
    seen: set[PhoneNumber] = set()
    for signup in signups:
        number = signup.recipient
        if number in refused:
            outcomes.append(refused[number])
            continue
        is_first = number not in seen
        seen.add(number)
        standing = standings[number]
        if standing is _FRESH and not is_first:
            standing = _KNOWN
        outcomes.append(
            SignedUp(
                sender=sender,
                recipient=number,
                is_new_contact=is_first and number in new_contacts,
                is_new_list_contact=standing is _FRESH,
                resubscribed=is_first and number in back,
                notices=_notices(
                    sender,
                    signup,
                    standing,
                    is_blocked=number in blocked,
                    has_journeys=journeys.are_there,
                ),
            )
        )
    return SignUpReport(outcomes, started)


def _notices(
    sender: SendingList,
    signup: SignUp,
    standing: SubscriptionState,
    *,
    is_blocked: bool,
    has_journeys: bool,
) -> list[SignUpNotice]:
    notices = {
        SignUpNotice.CONTACT_UNSUBSCRIBED: not standing.active,
        SignUpNotice.CONTACT_BLOCKED: is_blocked,
        SignUpNotice.LIST_INACTIVE: sender.status is not ListStatus.ACTIVE,
        SignUpNotice.NO_JOURNEY: signup.use_journeys and not has_journeys,
        SignUpNotice.JOURNEYS_NOT_USED: signup.use_journeys is None
        and has_journeys
        and not is_blocked
        and _may_start(signup, standing),
    }
    return [notice for notice, is_so in notices.items() if is_so]


def _may_start(signup: SignUp, standing: SubscriptionState) -> bool:
    """Return whether a contact would start the list's journeys, if the sign-up used them."""
    is_new = standing is _FRESH
    return standing.active and (is_new or not signup.skip_journey_if_exists)


def _erased(tx: Tx, sender: SendingList, numbers: Iterable[PhoneNumber]) -> set[PhoneNumber]:
    """Return the erased numbers that have not come back to the list by a START since."""
    found = set(tx.erased.among(sender.account_id, numbers))
    back = tx.contacts.known(sender.id, found) if found else {}
    return {number for number in found if not back.get(number)}


def _together(signups: Iterable[SignUp]) -> dict[PhoneNumber, SignUp]:
    """Return one sign-up for each number: all of its own, merged in their order.

    The numbers are in order: two batches that share some lock them in one order, and never
    deadlock.
    """
    wanted: dict[PhoneNumber, SignUp] = {}
    for signup in signups:
        before = wanted.get(signup.recipient)
        wanted[signup.recipient] = signup if before is None else _followed_by(before, signup)
    return dict(sorted(wanted.items()))


def _followed_by(first: SignUp, second: SignUp) -> SignUp:
    """Return one sign-up with the effect of these two of one number, one after the other."""
    fields = dict(second.custom_fields)
    if not second.replace_custom_fields:
        fields = {**first.custom_fields, **fields}
    # To the second one the contact is there already.
    second_starts = bool(second.use_journeys) and not second.skip_journey_if_exists
    first_starts = bool(first.use_journeys) and not first.skip_journey_if_exists
    return replace(
        first,
        at=second.at if first.at is None else first.at,
        facts=SignupFacts(
            ip_address=first.facts.ip_address or second.facts.ip_address,
            url=first.facts.url or second.facts.url,
            ad_network_source=first.facts.ad_network_source or second.facts.ad_network_source,
            ad_network_id=first.facts.ad_network_id or second.facts.ad_network_id,
        ),
        first_name=second.first_name or first.first_name,
        last_name=second.last_name or first.last_name,
        email=second.email or first.email,
        timezone=second.timezone or first.timezone,
        custom_fields=fields,
        replace_custom_fields=first.replace_custom_fields or second.replace_custom_fields,
        use_journeys=first.use_journeys or second_starts or None,
        skip_journey_if_exists=not (first_starts or second_starts),
        consent=second.consent or first.consent,
    )


def _subscribe(
    tx: Tx, sender: SendingList, wanted: Mapping[PhoneNumber, SignUp], now: int
) -> tuple[dict[PhoneNumber, SubscriptionState], dict[PhoneNumber, InvalidInput]]:
    """Write what can be taken; return how each number stood to the list, and the refused."""
    refused: dict[PhoneNumber, InvalidInput] = {}
    coming = []
    for number, signup in wanted.items():
        try:
            coming.append((signup, merged({}, signup.custom_fields)))
        except InvalidInput as invalid:
            refused[number] = invalid
    fresh = tx.signups.add(sender.id, coming, now)
    standings = dict.fromkeys(fresh, _FRESH)
    asked = [signup.recipient for signup, _ in coming if signup.recipient not in fresh]
    amendments, again = [], []
    for number, standing in tx.signups.subscription_states(sender.id, asked).items():
        signup = wanted[number]
        if signup.consent is not None and (complaint := refusal(standing)) is not None:
            refused[number] = complaint
            continue
        try:
            fields = merged(
                standing.custom_fields,
                signup.custom_fields,
                replacing=signup.replace_custom_fields,
            )
        except InvalidInput as invalid:
            refused[number] = invalid
            continue
        standings[number] = standing
        amendments.append(SubscriptionUpdate(signup, standing.active, fields))
        # A sign-up without a time or a place shows no consent beyond the first one's.
        if standing.active and standing.signed_up and (signup.facts.evidence or signup.at):
            again.append(signup)
    tx.signups.update_subscriptions(sender.id, amendments, now)
    tx.signups.add_consent_events(sender.id, again, now)
    changes = [
        FieldChange(signup.recipient, before, fields)
        for signup, _, fields in amendments
        if changed_fields(before := standings[signup.recipient].custom_fields, fields)
    ]
    tx.passages.fields_changed(sender.account_id, sender.id, changes, now)
    return standings, refused


def _bring_back(
    tx: Tx,
    sender: SendingList,
    wanted: Mapping[PhoneNumber, SignUp],
    standings: dict[PhoneNumber, SubscriptionState],
    now: int,
) -> set[PhoneNumber]:
    """Resubscribe the contacts who have left and consented anew; return their numbers."""
    back = {
        number
        for number, standing in standings.items()
        if bring_back(tx, sender, wanted[number], standing, now)
    }
    for number in back:
        standings[number] = standings[number]._replace(active=True)
    return back


@dataclass(frozen=True, slots=True)
class _StartingJourneys:
    """The journeys that joining a list starts: those without steps, and whether there are others.

    Those with steps have triggers, which are asked for each contact.
    """

    without_steps: Sequence[Journey] = ()
    have_steps: bool = False

    @property
    def are_there(self) -> bool:
        return bool(self.without_steps) or self.have_steps

    def start(self, tx: Tx, sender: SendingList, numbers: Sequence[PhoneNumber], now: int) -> int:
        """Let contacts enter them; return how many entries that made."""
        account_id = sender.account_id
        started = sum(
            len(tx.passages.put_on(account_id, journey, numbers, now, restarts=False))
            for journey in self.without_steps
        )
        if self.have_steps:
            joined = Happening(Occasion.SIGNUP)
            started += tx.passages.enter_by(account_id, sender.id, numbers, joined, now)
        return started


def _journeys(
    tx: Tx, sender: SendingList, signups: Iterable[SignUp], *, is_anyone_new: bool
) -> _StartingJourneys:
    """Return the journeys that joining the list starts, where a sign-up asks for them or could."""
    is_asked = is_anyone_new or any(
        signup.use_journeys or not signup.skip_journey_if_exists for signup in signups
    )
    if not is_asked:
        return _StartingJourneys()
    without_steps = [
        each
        for each in tx.journeys.of_list(sender.id)
        if each.trigger is Trigger.LIST
        and each.active_version is None
        and each.status is JourneyStatus.ACTIVE
    ]
    have_steps = tx.passages.starts_by(sender.account_id, sender.id, Occasion.SIGNUP)
    return _StartingJourneys(without_steps, have_steps)
