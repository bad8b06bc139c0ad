"""What keeps a schedule from being switched on, and what its author may want to change before.

Everything is asked as of now. What changes afterwards is asked again when a run is to begin, and
what changes then, the planner and the gate find.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from sendrail.campaigns.previews import account_context, list_context
from sendrail.campaigns.zones import zones_of
from sendrail.domain.audience import SAMPLE_STEP, AudienceStatus
from sendrail.domain.campaign_run import RunReason
from sendrail.domain.content import contains_any
from sendrail.domain.creative import (
    LONG_VALUE,
    CreativeStatus,
    CreativeType,
    OfferLink,
    SampleText,
    sample,
)
from sendrail.domain.creative_warnings import text_warnings
from sendrail.domain.occurrences import LOCAL_UNTIL, next_at
from sendrail.domain.offer import OfferStatus
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import MissingValue, Template, read_template, values_of
from sendrail.domain.schedule import Schedule, SendType
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.links.domains import LinkSender
from sendrail.links.texts import LinkTexts
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.audience_targets import target_of
from sendrail.storage.interface import Tx

# A field is asked of so many contacts, spread over all.
_SAMPLE: Final = 20
_CREATIVES_MAX: Final = 100
# Up to so many contacts they are counted to see that there is one.
_SMALL_KEYS: Final = 100_000 // SAMPLE_STEP
_OPENS: Final = 8
# Errors that a schedule may come to have while it is on.
_HINDRANCES: Final = frozenset(
    {
        RunReason.AUDIENCE_NOT_FOUND,
        RunReason.LIST_INACTIVE,
        RunReason.SOURCE_LIST_NOT_FOUND,
        RunReason.WEBHOOK_NOT_CONFIGURED,
        RunReason.OFFER_NOT_FOUND,
        RunReason.OFFER_PAUSED,
        RunReason.LINK_DOMAIN_UNVERIFIED,
        RunReason.MESSAGE_TOO_LONG,
        RunReason.BLOCKED_CONTENT,
    }
)


class PreflightNote(NamedTuple):
    """An error or a warning: its code, a sentence with the remedy, and the field it is about."""

    code: str
    text: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class TextRules:
    """What the installation allows of a text."""

    segments_max: int
    characters_max: int
    blocked_words: str = ""


@dataclass(slots=True)
class Preflight:
    """What was found; `starts_at` is when the first run would begin, None where there is none."""

    errors: list[PreflightNote] = field(default_factory=list)
    warnings: list[PreflightNote] = field(default_factory=list)
    starts_at: int | None = None


class _ScheduledText(NamedTuple):
    """One text of a schedule, and what names it in an answer."""

    place: str
    message: str
    links: Sequence[OfferLink]


def preflight(
    tx: Tx, schedule: Schedule, links: LinkTexts, rules: TextRules, now: int
) -> Preflight:
    """Return what keeps a schedule from being switched on now, and warnings."""
    zones = zones_of(tx, schedule.account_id, schedule)
    starts_at = next_at(schedule, zones, schedule.last_date)
    walk = _Walk(tx, schedule, links, rules, now)
    errors = [*_time_errors(schedule, starts_at), *walk.errors(of_contacts=True)]
    warnings = [*walk.warnings, *_hour_warnings(schedule), *_brand_warnings(walk.senders)]
    return Preflight(errors, warnings, starts_at)


def hindrance(
    tx: Tx, schedule: Schedule, links: LinkTexts, rules: TextRules, now: int
) -> RunReason | None:
    """Return why no run of a schedule that is on may begin now; None where it may.

    It is what may have changed since the schedule was switched on. Who has no value for a field
    hinders no run, and neither does an audience without members: the planner finds that.
    """
    errors = _Walk(tx, schedule, links, rules, now).errors(of_contacts=False)
    return next((RunReason(each.code) for each in errors if each.code in _HINDRANCES), None)


class _Walk:
    """One look at all that a schedule sends and by what, in the order that is shown.

    What it finds beside errors is among `warnings` once it has come by there.
    """

    def __init__(
        self, tx: Tx, schedule: Schedule, links: LinkTexts, rules: TextRules, now: int
    ) -> None:
        self._tx = tx
        self._schedule = schedule
        self._links = links
        self._rules = rules
        self._now = now
        self._targets = targets_of(tx, schedule, now)
        self.senders = usable_lists(tx, schedule, self._targets)
        self.warnings: list[PreflightNote] = []

    def errors(self, *, of_contacts: bool) -> Iterator[PreflightNote]:
        """Yield what is wrong; `of_contacts` says whether also those that contacts are read for."""
        schedule, texts = self._schedule, list(_texts(self._tx, self._schedule))
        if len(self._targets) < len(schedule.audiences):
            said = "An audience is archived, or no longer there"
            yield PreflightNote("audience_not_found", said, "audiences")
        # Audiences that are gone have no members and no lists: to say so would hide the cause.
        has_audience = bool(self._targets)
        asks_members = of_contacts and has_audience
        if asks_members and not any(_has_members(self._tx, each) for each in self._targets):
            yield PreflightNote("audience_empty", "Its audiences have no members now", "audiences")
        yield from _list_errors(self._tx, schedule, self.senders, has_audience=has_audience)
        yield from _content_errors(schedule, texts)
        for text in texts:
            yield from self._text_errors(text, of_contacts=of_contacts)

    def _text_errors(self, text: _ScheduledText, *, of_contacts: bool) -> Iterator[PreflightNote]:
        template = read_template(text.message)
        if isinstance(template, Fault):
            yield PreflightNote(template.code, template.text, f"{text.place}.message")
            return
        yield from _link_errors(self._tx, self._schedule, text, template, self._now)
        yield from _domain_errors(self._tx, self.senders, template, self._links)
        if of_contacts:
            yield from _field_errors(self._tx, self._targets, self.senders, text, template)
        yield from self._size_errors(text, template)

    def _size_errors(self, text: _ScheduledText, template: Template) -> Iterator[PreflightNote]:
        """Yield what is wrong with a text's size and its words, and note what to look at."""
        tx, account_id, rules = self._tx, self._schedule.account_id, self._rules
        around = account_context(tx, account_id)
        if self.senders:
            around = list_context(tx, account_id, self.senders[0], self._links)
        shortest = sample(template, around.link, around.sender)
        longest = sample(template, around.link, around.sender, LONG_VALUE)
        param = f"{text.place}.message"
        if _is_too_long(shortest, rules):
            said = (
                f"With what stands around it, the text has {shortest.size.segments} segments and "
                f"{len(shortest.text):,} characters; {rules.segments_max} and "
                f"{rules.characters_max:,} are the most"
            )
            yield PreflightNote("message_too_long", said, param)
        words = (rules.blocked_words, tx.accounts.blocked_words(account_id))
        if any(contains_any(shortest.text, each) for each in words):
            yield PreflightNote("blocked_content", "The text has a word that is blocked", param)
        urls = [link.url for link in text.links if link.url]
        self.warnings += [
            PreflightNote(str(each.code), each.text, param)
            for each in text_warnings(shortest, longest, urls)
        ]


def lists_of(schedule: Schedule, targets: Iterable[AudienceTarget]) -> list[int]:
    """Return the lists a schedule sends by: its own among those of its audiences, in its order."""
    of_targets = dict.fromkeys(each for target in targets for each in target.lists)
    if not schedule.source_lists:
        return list(of_targets)
    return [each for each in schedule.source_lists if each in of_targets]


def usable_lists(
    tx: Tx, schedule: Schedule, targets: Iterable[AudienceTarget]
) -> list[SendingList]:
    """Return the lists of a schedule that can send now."""
    wanted = lists_of(schedule, targets)
    by_id = _own_lists(tx, schedule)
    return [by_id[each] for each in wanted if each in by_id and sender_fault(by_id[each]) is None]


def _own_lists(tx: Tx, schedule: Schedule) -> Mapping[int, SendingList]:
    return {each.id: each for each in tx.lists.all(schedule.account_id)}


def targets_of(tx: Tx, schedule: Schedule, now: int) -> list[AudienceTarget]:
    """Return what its audiences mean now, each on the schedule's own lists alone."""
    found = []
    for ref in schedule.audiences:
        audience = tx.audiences.by_ref(schedule.account_id, ref)
        if audience is not None and audience.status is AudienceStatus.ACTIVE:
            target, own = target_of(tx.audiences, audience, now), schedule.source_lists
            lists = tuple(each for each in target.lists if not own or each in own)
            found.append(replace(target, lists=lists))
    return found


def _texts(tx: Tx, schedule: Schedule) -> Iterator[_ScheduledText]:
    if schedule.send_type is SendType.BLAST:
        for at, blast in enumerate(schedule.blasts):
            yield _ScheduledText(f"blasts[{at}]", blast.message, blast.offer_links)
        return
    found, _ = tx.creatives.page(
        schedule.account_id, CreativeStatus.ACTIVE, CreativeType.AUTOMATED, 0, _CREATIVES_MAX
    )
    for each in found:
        yield _ScheduledText(f"creatives[{each.id}]", each.message, each.offer_links)


def _time_errors(schedule: Schedule, starts_at: int | None) -> Iterator[PreflightNote]:
    if starts_at is None:
        param = "end_date" if schedule.is_repeating else "send_date"
        yield PreflightNote("send_time_passed", "Its last hour has passed in every zone", param)


def _has_members(tx: Tx, target: AudienceTarget) -> bool:
    if not target.lists:
        return False
    if tx.audience_members.count_sample(target):
        return True
    members = tx.audience_members
    if members.sampled_keys(target, _SMALL_KEYS + 1) > _SMALL_KEYS:
        # To walk so many for the few there may be takes longer than an author waits.
        return True
    return members.count(members.query(target)) > 0


def _list_errors(
    tx: Tx, schedule: Schedule, senders: Sequence[SendingList], *, has_audience: bool
) -> Iterator[PreflightNote]:
    by_id = _own_lists(tx, schedule)
    usable = {each.id for each in senders}
    for list_id in schedule.source_lists:
        own = by_id.get(list_id)
        if list_id in usable:
            continue
        if own is None:
            text = f"There is no list {list_id} any more"
            yield PreflightNote("source_list_not_found", text, "source_lists")
        elif (fault := sender_fault(own)) is not None:
            yield fault
        elif has_audience:
            text = f"None of its audiences has the list {own.shown}"
            yield PreflightNote("audience_empty", text, "source_lists")
    if has_audience and not schedule.source_lists and not senders:
        text = "No list of its audiences can send: each is paused, suspended or not verified"
        yield PreflightNote("list_inactive", text, "audiences")


def sender_fault(own: SendingList) -> PreflightNote | None:
    """Return why a list cannot send now; None where it can."""
    if own.status is not ListStatus.ACTIVE:
        return PreflightNote("list_inactive", f"The list {own.shown} is {own.status}",
                             "source_lists")  # fmt: skip
    if not own.can_send:
        text = f"The list {own.shown} sends by a carrier of its own that is not verified yet"
        return PreflightNote("webhook_not_configured", text, "source_lists")
    return None


def _content_errors(schedule: Schedule, texts: Sequence[_ScheduledText]) -> Iterator[PreflightNote]:
    if not texts:
        text = "The account has no active creative of the type automated to choose from"
        yield PreflightNote("no_creatives", text, "send_type")
    if schedule.is_mms:
        text = "Messages with pictures cannot be sent yet: take `is_mms` away"
        yield PreflightNote("mms_unsupported", text, "is_mms")


def _link_errors(
    tx: Tx, schedule: Schedule, text: _ScheduledText, template: Template, now: int
) -> Iterator[PreflightNote]:
    param, keys = f"{text.place}.offer_links", {link.key for link in text.links}
    if lost := [key for key in template.link_keys if key not in keys]:
        yield PreflightNote(
            "missing_offer_links_for_placeholders",
            f"`offer_links` does not define {', '.join(lost)}",
            param,
        )
    if keys and not template.link_keys:
        said = "The text has no link: write {{link1}} where it is to stand"
        yield PreflightNote("missing_link_placeholder", said, f"{text.place}.message")
    for link in text.links:
        offer = tx.offers.by_ref(schedule.account_id, link.offer_ref)
        if offer is None or offer.status is OfferStatus.ARCHIVED:
            said = f"{link.key} leads to no offer of yours"
            yield PreflightNote("offer_not_found", said, param)
        elif (status := offer.status_at(now)) is not OfferStatus.ACTIVE:
            said = f"The offer {offer.name} of {link.key} is {status}"
            yield PreflightNote("offer_paused", said, param)


def _domain_errors(
    tx: Tx, senders: Sequence[SendingList], template: Template, links: LinkTexts
) -> Iterator[PreflightNote]:
    if not template.link_keys:
        return
    for own in senders:
        if links.host_of(tx, LinkSender(own.account_id, own.id, own.connector_id)) is None:
            text = f"The list {own.shown} has no tracking domain that is verified"
            yield PreflightNote("link_domain_unverified", text, "source_lists")
            return


def _field_errors(
    tx: Tx,
    targets: Sequence[AudienceTarget],
    senders: Sequence[SendingList],
    text: _ScheduledText,
    template: Template,
) -> Iterator[PreflightNote]:
    if not any(each.default is None for each in template.fields):
        return
    brands: Mapping[int, str] = {each.id: each.brand for each in senders}
    for target in targets:
        is_small = tx.audience_members.sampled_keys(target, _SMALL_KEYS + 1) <= _SMALL_KEYS
        some = tx.audience_members.some(target, _SAMPLE, of_sample=not is_small)
        zones = tx.gate.zones(target.account_id, [each.recipient for each in some])
        for each in some:
            names = {
                "first_name": each.first_name, "last_name": each.last_name,
                "timezone": zones.get(each.recipient),
            }  # fmt: skip
            values = values_of(names, each.custom_fields, brands.get(each.list_id, ""))
            rendered = template.render(values)
            if isinstance(rendered, MissingValue):
                said = (
                    f"Some contacts have no value for {rendered.name}: write a default, such as "
                    f"{{{{{rendered.name}|friend}}}}"
                )
                yield PreflightNote("missing_default", said, f"{text.place}.message")
                return


def _is_too_long(shown: SampleText, rules: TextRules) -> bool:
    return shown.size.segments > rules.segments_max or len(shown.text) > rules.characters_max


def _hour_warnings(schedule: Schedule) -> Iterator[PreflightNote]:
    if not _OPENS <= schedule.send_time.hour < LOCAL_UNTIL.hour:
        text = "It begins between 21:00 and 08:00, when most recipients must not be texted"
        yield PreflightNote("quiet_hours_overlap", text, "send_time")


def _brand_warnings(senders: Sequence[SendingList]) -> Iterator[PreflightNote]:
    for own in senders:
        if not own.brand:
            text = f"The list {own.shown} has no brand, so its texts do not say whose they are"
            yield PreflightNote("no_brand", text, "source_lists")
