"""One page of a run on paper: who gets which text, who is held out, and who is left out and why.

It reads and writes nothing. What it decides is judged again by the gate, and counts only once the
page is durable.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from sendrail.campaigns.run_content import RunContent, Variant
from sendrail.domain.frame import FRAMED, FilledFrame
from sendrail.domain.ids import AccountId, OriginId, RunId
from sendrail.domain.message import Skip
from sendrail.domain.order import Fault, Order
from sendrail.domain.phone import PhoneNumber, like_in_prefix, prefix_of
from sendrail.domain.placeholders import (
    LinkPlace,
    MissingValue,
    Template,
    inert,
    read_template,
    values_of,
)
from sendrail.domain.quiet_hours import NOW, OpeningTable, keeps_quiet
from sendrail.domain.recipient_links import with_values
from sendrail.domain.sender import SendingList
from sendrail.domain.split import divided, is_held_out
from sendrail.domain.thompson import Results, chosen
from sendrail.intake.orders import Limits, measured
from sendrail.storage.campaigns.run_members import MEMBER_COLUMNS, Member
from sendrail.storage.contacts.contacts import read_fields

# A run asks for no contact twice, so that no duplicate is looked for.
CAMPAIGN_SKIPS: Final = int(Skip.DUPLICATE | Skip.CAMPAIGN)
CAPPED: Final = "frequency_cap"
MISSING_FIELD: Final = "missing_field"
OUT_OF_TIME: Final = "out_of_time"
QUIET: Final = "quiet_hours"
NO_ZONES: Final[Mapping[int, str]] = {}
# What each contact says of itself, be it nothing.
_OWN_FIELDS: Final = frozenset({"first_name", "last_name"})
_NO_FIELDS: Final[Mapping[str, object]] = {}
_NO_LINKS: Final[tuple[str, ...]] = ()
_UNMEASURED: Final = ("gsm7", 1)
# What contacts have in common who get the same text: its variant and whether that is for a control
# group, its list, whether anything stands around it, and their names as far as any text says them.
_Alike = tuple[tuple[int, bool], int, bool, str, str]
# So many texts are kept: some 2 MB of common length. A page has hundreds of first names, and the
# next one has most of them again.
_ALIKE_MAX: Final = 4_096
# An order of its fields, as `Order._make` does, but without a call of Python: there is one for each
# contact of a campaign.
_order: Final = partial(tuple.__new__, Order)
NO_ORIGINS: Final[Mapping[tuple[int, bool], OriginId]] = {}


class ListSender(NamedTuple):
    """A list as texts need it: its number, and what stands around them."""

    number: PhoneNumber
    brand: str
    frame: FilledFrame


class OrderSource(NamedTuple):
    """Which text of a run an order has, and from which list; orders of one text share it.

    `is_control` is one of the control group of a choice by success.
    """

    list_id: int
    variant: int
    is_control: bool = False
    # The fields that defaults stand for.
    defaulted: tuple[str, ...] = ()


@dataclass(slots=True)
class PagePlan:
    """What becomes of the contacts of a page; `left_out` are numbers with a reason.

    `sources` are those of its orders, in the same order. The origin of an order may not be known
    yet.
    """

    orders: list[Order] = field(default_factory=list)
    sources: list[OrderSource] = field(default_factory=list)
    held_out: list[int] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)


class CompiledText(NamedTuple):
    """A variant's text in its parts, its links numbered in the order of their places."""

    template: Template
    links: tuple[str, ...]
    # Whether it may say what only a contact's custom fields know.
    asks_custom: bool = True
    # Whether it says these; they are all that it says of a contact where it asks for no other.
    says_first_name: bool = True
    says_last_name: bool = True

    @property
    def columns(self) -> frozenset[str]:
        """Return the columns of a contact that it may say something of."""
        if self.asks_custom:
            return MEMBER_COLUMNS
        says = {"first_name": self.says_first_name, "last_name": self.says_last_name}
        return frozenset(name for name, it_does in says.items() if it_does)


class WrittenText(NamedTuple):
    """What a contact gets: the text with what stands around it, its size, and its links."""

    body: str
    encoding: str
    segments: int
    links: tuple[str, ...]
    source: OrderSource


def compiled_texts(content: RunContent) -> dict[int, CompiledText]:
    """Return the texts of a run, read once for all of its contacts."""
    return {each.number: compiled(each) for each in content.variants}


def compiled(variant: Variant) -> CompiledText:
    """Return the text of a variant in its parts."""
    template = read_template(variant.message)
    assert not isinstance(template, Fault), "the text was checked when it was stored"
    keys = [key for key in template.link_keys if key in variant.links]
    # A stored text names its links by their places.
    marks = {key: LinkPlace(f"link{place}") for place, key in enumerate(keys, 1)}
    parts = tuple(
        marks.get(part.key, part) if isinstance(part, LinkPlace) else part
        for part in template.parts
    )
    # Where a link leads may say anything.
    names = {each.name for each in template.fields}
    return CompiledText(
        Template(parts),
        tuple(variant.links[key] for key in keys),
        asks_custom=bool(keys) or not names <= _OWN_FIELDS,
        says_first_name="first_name" in names,
        says_last_name="last_name" in names,
    )


def quiet_ones(  # noqa: PLR0917 - whom, where and when
    members: Sequence[Member],
    senders: Mapping[int, SendingList],
    zones: Mapping[int, str],
    openings: OpeningTable,
    waits_until: int,
    now: int,
) -> set[int]:
    """Return for whom it is quiet now, and whom a run does not wait for.

    It waits for who may be sent to before `waits_until`; 0 is for none.
    """
    hours = {
        list_id: sender.quiet_hours
        for list_id, sender in senders.items()
        if keeps_quiet(CAMPAIGN_SKIPS, sender.quiet_scope)
    }
    quiet: set[int] = set()
    # Most have their prefix and their zone in common with others of the page.
    found: dict[tuple[int, int, str | None], bool] = {}
    prefix, alike, list_before, is_quiet = 0, range(0), 0, False
    for recipient, list_id, _, _, _ in members:
        if list_id not in hours:
            continue
        if recipient not in alike:
            prefix, alike, list_before = prefix_of(recipient), like_in_prefix(recipient), 0
        if list_id != list_before or zones:
            list_before, key = list_id, (prefix, list_id, zones.get(recipient))
            if key not in found:
                opening = openings.opening_at(prefix, hours[list_id], key[2], now)
                found[key] = opening != NOW and opening >= waits_until
            is_quiet = found[key]
        if is_quiet:
            quiet.add(recipient)
    return quiet


class PagePlanner:
    """Plans the pages of one run, with one content."""

    def __init__(
        self,
        account_id: AccountId,
        run_id: RunId,
        content: RunContent,
        limits: Limits,
        dice: random.Random | None = None,
    ) -> None:
        self._key = b"account %d" % account_id
        self._run_id = run_id
        self._content = content
        self._limits = limits
        self._texts = compiled_texts(content)
        # Or why there is no text. What stands around texts is frozen with the content.
        self._alike: dict[_Alike, WrittenText | str] = {}
        # What its texts say of a contact: nothing else need be read.
        asked = {each for text in self._texts.values() for each in text.columns}
        self.columns = frozenset(asked)
        # It divides recipients, it keeps no secret.
        self._dice = dice or random.Random()  # noqa: S311

    def plan(
        self,
        members: Sequence[Member],
        lists: Mapping[int, ListSender],
        capped: Collection[int] = (),
        *,
        quiet: Collection[int] = (),
        zones: Mapping[int, str] = NO_ZONES,
        origins: Mapping[tuple[int, bool], OriginId] = NO_ORIGINS,
        before: int,
        results: Mapping[int, Results] | None = None,
    ) -> PagePlan:
        """Return what becomes of a page's contacts.

        `capped` are those who must not get another message, `quiet` those whom the run does not
        wait for, `zones` those zones that are known, `origins` the ids that are known
        of what its orders come from, by variant and by whether it is a control group's, `before` is
        how many messages it has so far, and `results` what each variant has brought, where the run
        chooses by success.
        """
        page = PagePlan()
        eligible = self._eligible(members, capped, quiet, page)
        variants = self._assigned([each[0] for each in eligible], before, results or {})
        put, note = page.orders.append, page.sources.append
        for member, variant in zip(eligible, variants, strict=True):
            number, list_id, first_name, last_name, _ = member
            alike = (variant, list_id, number in FRAMED, first_name, last_name)
            written = self._alike.get(alike)
            if written is None:
                written = self._text_for(member, alike, lists[list_id], zones)
            if isinstance(written, str):
                page.left_out.append((number, written))
                continue
            body, encoding, segments, links, source = written
            put(
                _order(
                    (
                        number, lists[list_id][0], body, CAMPAIGN_SKIPS, None, encoding, segments,
                        links, False, 0, origins.get(variant, 0),
                    )
                )
            )  # fmt: skip
            note(source)
        return page

    def _text_for(
        self, member: Member, alike: _Alike, sender: ListSender, zones: Mapping[int, str]
    ) -> WrittenText | str:
        """Return what a contact gets, or why there is nothing; kept where it is for all alike."""
        variant = alike[0]
        text = self._texts[variant[0]]
        written = self._written(member, text, variant, sender, zones.get(member.recipient))
        if not text.asks_custom:
            if len(self._alike) >= _ALIKE_MAX:
                self._alike.clear()
            self._alike[alike] = written
        return written

    def _eligible(
        self,
        members: Sequence[Member],
        capped: Collection[int],
        quiet: Collection[int],
        page: PagePlan,
    ) -> Sequence[Member]:
        """Return who gets a text; the others are noted in the page."""
        content = self._content
        if not (quiet or content.holdout_percent or capped):
            return members
        eligible = []
        for member in members:
            recipient = member.recipient
            if recipient in quiet:
                page.left_out.append((recipient, QUIET))
            elif is_held_out(self._key, recipient, content.holdout_percent):
                page.held_out.append(recipient)
            elif recipient in capped:
                page.left_out.append((recipient, CAPPED))
            else:
                eligible.append(member)
        return eligible

    def _assigned(
        self, recipients: Sequence[int], before: int, results: Mapping[int, Results]
    ) -> list[tuple[int, bool]]:
        """Return the variant of each contact, and whether it is of a control group.

        Shares are exact, and by chance who gets which.
        """
        variants, key = self._content.variants, b"run %d" % self._run_id
        if len(variants) == 1:
            return [(variants[0].number, False)] * len(recipients)
        shares = [each.percent for each in variants]
        numbers = [each.number for each in variants]
        if any(shares):
            places = divided(key, recipients, shares, before)
            return [(numbers[place - 1], False) for place in places]
        creatives = [(each.number, each.creative_id, each.payout) for each in variants]
        shares = self._content.selection.shares(creatives, results, self._dice)
        found = chosen(key, recipients, shares, self._content.automated_percent, before)
        return [(numbers[place - 1], is_control) for place, is_control in found]

    def _written(
        self,
        member: Member,
        text: CompiledText,
        variant: tuple[int, bool],
        sender: ListSender,
        zone: str | None,
    ) -> WrittenText | str:
        """Return what a contact gets, or why there is nothing."""
        number, list_id, first_name, last_name, custom_fields = member
        names = {"first_name": first_name, "last_name": last_name, "timezone": zone}
        values = values_of(
            names,
            read_fields(custom_fields) if text.asks_custom else _NO_FIELDS,
            inert(sender.brand),
        )
        rendered = text.template.render(values)
        if isinstance(rendered, MissingValue):
            return MISSING_FIELD
        body = sender.frame.around(rendered.text, number)
        links, size = _NO_LINKS, _UNMEASURED
        if text.links:
            # It is measured when it is known how long its links are.
            links = tuple([with_values(link, values) for link in text.links])
        else:
            measure = measured(body, self._limits)
            if isinstance(measure, Fault):
                return measure.code
            size = measure
        return WrittenText(body, *size, links, OrderSource(list_id, *variant, rendered.defaulted))


def merged(streams: Sequence[Sequence[Member]], limit: int) -> list[Member]:
    """Return the first members of several streams by their numbers, each number once.

    Each stream is in order. A number in several is taken from the first of them.
    """
    if len(streams) == 1:
        return list(streams[0][:limit])
    first: dict[int, Member] = {}
    for stream in streams:
        for member in stream:
            first.setdefault(member.recipient, member)
    return [first[number] for number in sorted(first)[:limit]]
