"""Contacts and blocked numbers in CSV files: brought in as a stream, and written as one.

An imported file can never bring back a contact who has opted out: their rows are passed over, also
where all that is left of the opt-out is a digest. A dry run judges every row and writes none.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

from sendrail.contacts.blocks import note_of
from sendrail.contacts.consent_columns import CONSENT_COLUMNS, has_left
from sendrail.contacts.csv_files import CsvReader, RowError, begun, written
from sendrail.contacts.field_columns import (
    WHOLE_COLUMN,
    Outcome,
    checked_field_columns,
    fields_in,
    reader_columns,
    store_fields,
    without_room,
)
from sendrail.contacts.import_log import ImportLog
from sendrail.contacts.imports import (
    ALONE,
    BESIDE,
    PHONE_COLUMN,
    Chunks,
    ImportOptions,
    ImportReport,
    RowOutcome,
    Write,
    country_for,
    import_rows,
    moment_of,
)
from sendrail.contacts.inputs import (
    EMAIL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    email_of,
    owned_list,
)
from sendrail.contacts.numbering_plans import Country
from sendrail.contacts.words import column_names
from sendrail.contacts.written_numbers import number_of
from sendrail.domain import phone
from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.local_time import zone_names
from sendrail.domain.numbering import LineType
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.contacts.exports import ExportedContact
from sendrail.storage.contacts.imported import FileContact, FileSubscriptionState
from sendrail.storage.disk_set import SeenNumbers
from sendrail.storage.interface import Store, Tx

T = TypeVar("T")

_COLUMNS: Final = PHONE_COLUMN | CONSENT_COLUMNS | {
    name: column_names(name)
    for name in (
        "email", "first_name", "last_name", "carrier", "line_type", "timezone", "consent_date",
        "ad_network_source", "ad_network_id",
    )
}  # fmt: skip
_OUTCOMES: Final = (
    RowOutcome.CREATED,
    RowOutcome.ADDED,
    RowOutcome.MERGED,
    RowOutcome.OPTED_OUT,
    RowOutcome.BLOCKED,
)
# Outcomes of a number that a later row of the same file finds there.
_NEW: Final = frozenset({RowOutcome.CREATED, RowOutcome.ADDED})
_EXPORTED: Final = (
    "phone_number", "email", "first_name", "last_name", "carrier", "line_type", "timezone",
    "consent_date", "ad_network_source", "ad_network_id", "active", "opted_out_at", "reason",
    WHOLE_COLUMN,
)  # fmt: skip
_EXPORTED_BLOCKS: Final = ("phone_number", "note", "blocked_at")
_EXPORT_ROWS: Final = 1_000
_LENGTHS_MAX: Final = {
    "email": EMAIL_LENGTH_MAX,
    "first_name": NAME_LENGTH_MAX,
    "last_name": NAME_LENGTH_MAX,
    "carrier": NAME_LENGTH_MAX,
    "ad_network_source": SOURCE_LENGTH_MAX,
    "ad_network_id": SOURCE_LENGTH_MAX,
}
_SHORTEST_MAX: Final = min(_LENGTHS_MAX.values())
_LINE_TYPES: Final = frozenset(LineType)


class FileBlock(NamedTuple):
    """A row of a file of blocks."""

    recipient: PhoneNumber
    note: str


class FileService:
    """Imports and exports of contacts and of blocked numbers."""

    def __init__(
        self, store: Store, now: Callable[[], int], is_served: Callable[[], bool] = lambda: True
    ) -> None:
        """Take a store; `is_served` returns whether a server works on it, here or elsewhere."""
        self._store = store
        self._now = now
        self._import_log = ImportLog(store, now)
        self._is_served = is_served

    async def import_contacts(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        chunks: Chunks,
        options: ImportOptions,
        actor: Actor,
    ) -> ImportReport:
        """Subscribe the contacts of a file to a list, or say what would become of them."""
        sender, country = await self._store.read(
            lambda tx: (
                owned_list(tx, account_id, list_number),
                country_for(tx, account_id, options),
            )
        )

        fields = checked_field_columns(options.fields)

        def judge(tx: Tx, rows: Sequence[FileContact], seen: set[PhoneNumber]) -> Sequence[Outcome]:
            # It may have been deleted meanwhile.
            found = _judge(tx, owned_list(tx, account_id, list_number), rows, seen)
            return without_room(tx, sender, rows, found) if _say_fields(rows) else found

        def store(tx: Tx, rows: Sequence[FileContact], became: Sequence[Outcome]) -> None:
            if _say_fields(rows):
                # First: a round that holds them may write the contacts' rows next.
                tx.enrolments.hold((sender.id, each.recipient) for each in rows)
            _bring_in(tx, sender, rows, became, self._now())

        def parse(values: dict[str, str]) -> FileContact:
            contact = _contact_of(values, country, self._now(), options.source)
            said = fields_in(values, fields)
            return contact if said is None else contact._replace(custom_fields=said)

        mapped = reader_columns(fields)
        named = [column for column in mapped if column != WHOLE_COLUMN]
        about = f"list {sender.shown}"
        report = ImportReport.of(options, *_OUTCOMES)
        async with self._import_log.noting(
            account_id, actor, Action.CONTACTS_IMPORTED, about, report
        ) as noted:
            with self._writing(options, judge, store, attrgetter("recipient")) as write:
                return await import_rows(
                    chunks,
                    CsvReader(_COLUMNS | mapped, ["phone_number", *named], CONSENT_COLUMNS),
                    parse,
                    noted(write),
                    self._paced(options),
                    report,
                    number=attrgetter("recipient"),
                    keeps_lines=True,
                )

    async def import_blocks(
        self,
        account_id: AccountId,
        chunks: Chunks,
        options: ImportOptions,
        actor: Actor,
        *,
        note: str = "",
    ) -> ImportReport:
        """Block the numbers of a file, or say what would become of them.

        A row's own note counts before that of all.
        """
        of_all = note_of(note)
        country = await self._store.read(lambda tx: country_for(tx, account_id, options))

        def parse(values: dict[str, str]) -> FileBlock:
            try:
                own = note_of(values.get("note", "").replace("\n", " "))
            except InvalidInput as fault:
                raise RowError(fault.message) from None
            return FileBlock(number_of(values["phone_number"], country), own or of_all)

        def judge(tx: Tx, rows: Sequence[FileBlock], seen: set[PhoneNumber]) -> Sequence[Outcome]:
            numbers = [each.recipient for each in rows]
            return _firsts(numbers, seen | tx.gate.blocked(account_id, numbers))

        def store(tx: Tx, rows: Sequence[FileBlock], _: Sequence[Outcome]) -> None:
            tx.blocks.add(account_id, rows, self._now())

        report = ImportReport.of(options, RowOutcome.CREATED, RowOutcome.ALREADY_THERE)
        about = "block list"
        async with self._import_log.noting(
            account_id, actor, Action.BLOCKS_IMPORTED, about, report
        ) as noted:
            with self._writing(options, judge, store, attrgetter("recipient")) as write:
                return await import_rows(
                    chunks,
                    CsvReader({**PHONE_COLUMN, "note": ("note",)}, ["phone_number"]),
                    parse,
                    noted(write),
                    self._paced(options),
                    report,
                    number=attrgetter("recipient"),
                )

    async def export_contacts(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        actor: Actor,
        *,
        with_left: bool = False,
    ) -> AsyncIterator[bytes]:
        """Return a list's contacts as CSV, piece by piece; `with_left` adds those who have left."""

        def begin(tx: Tx) -> SendingList:
            sender = owned_list(tx, account_id, list_number)
            about = f"list {sender.shown}"
            details = {"with_left": with_left, "contacts": tx.contacts.count(sender.id)}
            tx.audit.add(account_id, actor, Action.CONTACTS_EXPORTED, about, details, self._now())
            return sender

        sender = await self._store.write(begin)

        async def rows_after(at: int) -> tuple[Sequence[Sequence[str]], int]:
            page = await self._store.read(
                lambda tx: tx.exports.contacts_after(sender, at, _EXPORT_ROWS, with_left=with_left)
            )
            return [_cells_of(contact) for contact in page], page[-1].recipient if page else 0

        return _pages(_EXPORTED, rows_after)

    async def export_blocks(self, account_id: AccountId, actor: Actor) -> AsyncIterator[bytes]:
        """Return the account's block list as CSV, piece by piece."""
        await self._store.write(
            lambda tx: tx.audit.add(
                account_id, actor, Action.BLOCKS_EXPORTED, "block list", {}, self._now()
            )
        )

        async def rows_after(at: int) -> tuple[Sequence[Sequence[str]], int]:
            page = await self._store.read(
                lambda tx: tx.exports.blocks_after(account_id, at, _EXPORT_ROWS)
            )
            rows = [
                (phone.show_as_text(block.recipient), block.note, _moment(block.blocked_at))
                for block in page
            ]
            return rows, page[-1].recipient if page else 0

        return _pages(_EXPORTED_BLOCKS, rows_after)

    @contextmanager
    def _writing(
        self,
        options: ImportOptions,
        judge: Callable[[Tx, Sequence[T], set[PhoneNumber]], Sequence[Outcome]],
        store: Callable[[Tx, Sequence[T], Sequence[Outcome]], None],
        number: Callable[[T], PhoneNumber],
    ) -> Iterator[Write[T]]:
        """Yield what is done with a batch: judge and store it, or judge it as if that were done.

        `judge` takes the numbers that earlier batches would have brought in, had they been stored.
        """

        async def bring_in(rows: Sequence[T]) -> Sequence[Outcome]:
            def work(tx: Tx) -> Sequence[Outcome]:
                became = judge(tx, rows, set())
                store(tx, rows, became)
                return became

            return await self._store.write(work)

        if not options.dry_run:
            yield bring_in
            return
        with closing(SeenNumbers()) as seen:

            async def only_judge(rows: Sequence[T]) -> Sequence[Outcome]:
                before = seen.among(map(number, rows))
                became = await self._store.read(lambda tx: judge(tx, rows, before))
                judged = zip(rows, became, strict=True)
                seen.add(number(row) for row, outcome in judged if outcome in _NEW)
                return became

            yield only_judge

    def _paced(self, options: ImportOptions) -> ImportOptions:
        return replace(options, pace=BESIDE if self._is_served() else ALONE)


async def _pages(
    header: Sequence[str],
    rows_after: Callable[[int], Any],
) -> AsyncIterator[bytes]:
    yield begun(header)
    rows, at = await rows_after(0)
    while rows:
        yield written(rows)
        # What waits for the event loop goes first.
        await asyncio.sleep(0)
        rows, at = await rows_after(at)


def _judge(
    tx: Tx, sender: SendingList, rows: Sequence[FileContact], seen: set[PhoneNumber]
) -> Sequence[RowOutcome]:
    """Return what becomes of the rows of one batch, on a list that has those `seen` as well."""
    recipients = {row.recipient for row in rows}
    standing = dict.fromkeys(seen, FileSubscriptionState.ACTIVE)
    for recipient, found in tx.imported.subscription_states(sender, recipients).items():
        # A contact who has opted out meanwhile did so after the file would have brought them in.
        if recipient not in seen or found is FileSubscriptionState.OPTED_OUT:
            standing[recipient] = found
    blocked = tx.gate.blocked(sender.account_id, list(recipients))
    became: list[RowOutcome] = []
    for row in rows:
        recipient = row.recipient
        outcome = _outcome(row, standing.get(recipient), is_blocked=recipient in blocked)
        became.append(outcome)
        if outcome in _NEW:
            # Should the file name it again, it is on the list by then.
            standing[recipient] = FileSubscriptionState.ACTIVE
    return became


def _say_fields(rows: Sequence[FileContact]) -> bool:
    return any(row.custom_fields is not None for row in rows)


def _bring_in(
    tx: Tx, sender: SendingList, rows: Sequence[FileContact], became: Sequence[Outcome], now: int
) -> None:
    """Store the rows of one batch as they were judged.

    They come in the order of their keys: two files that share numbers lock them in one order. Of
    one number the rows are in their own order.
    """

    def those(*outcomes: RowOutcome) -> Sequence[FileContact]:
        return [row for row, outcome in zip(rows, became, strict=True) if outcome in outcomes]

    tx.imported.subscribe(sender, those(RowOutcome.CREATED, RowOutcome.ADDED), now)
    tx.imported.insert_contacts(sender, those(RowOutcome.CREATED), now)
    there = those(RowOutcome.ADDED, RowOutcome.MERGED)
    tx.imported.update_subscriptions(sender, there)
    tx.imported.update_contacts(sender, there)
    stored = those(RowOutcome.CREATED, RowOutcome.ADDED, RowOutcome.MERGED)
    zones = {row.recipient: row.timezone for row in stored if row.timezone}
    tx.numbers.tell_zones(sender.account_id, zones)
    if _say_fields(stored):
        store_fields(tx, sender.account_id, sender, stored, now)


def _outcome(
    row: FileContact, standing: FileSubscriptionState | None, *, is_blocked: bool
) -> RowOutcome:
    if standing is FileSubscriptionState.OPTED_OUT or row.has_left:
        return RowOutcome.OPTED_OUT
    if is_blocked:
        return RowOutcome.BLOCKED
    if standing is None:
        return RowOutcome.CREATED
    return RowOutcome.MERGED if standing is FileSubscriptionState.ACTIVE else RowOutcome.ADDED


def _firsts(rows: Sequence[PhoneNumber], known: set[int]) -> Sequence[RowOutcome]:
    seen = set(known)
    became = []
    for number in rows:
        became.append(RowOutcome.ALREADY_THERE if number in seen else RowOutcome.CREATED)
        seen.add(number)
    return became


def _contact_of(
    values: dict[str, str], country: Country | None, now: int, source: str
) -> FileContact:
    # One look at all cells together says of most rows that no cell has several lines, blanks of
    # other kinds around it, or is long.
    whole = "".join(values.values())
    if "\n" in whole or "\t" in whole or not (whole.isascii() or whole.isprintable()):
        values = {column: _on_one_line(column, text) for column, text in values.items()}
    said = values.get
    # By position: a row of a file is made as fast as it can be.
    contact = FileContact(
        number_of(values["phone_number"], country),
        said("first_name", ""),
        said("last_name", ""),
        said("email", ""),
        said("carrier", ""),
        said("line_type", "").upper(),
        moment_of(said("consent_date", ""), now),
        said("ad_network_source", "") or source,
        said("ad_network_id", ""),
        has_left(values, now),
        said("timezone", ""),
    )
    if len(whole) > _SHORTEST_MAX:
        _check_lengths(values)
    if contact.email:
        _check_email(contact.email)
    if contact.line_type and contact.line_type not in _LINE_TYPES:
        raise RowError(f"line_type is none of {', '.join(LineType)}")
    if contact.timezone and contact.timezone not in zone_names():
        raise RowError("timezone is not a time zone, such as America/New_York")
    return contact


def _check_lengths(values: Mapping[str, str]) -> None:
    for name, most in _LENGTHS_MAX.items():
        if len(values.get(name, "")) > most:
            raise RowError(f"{name} is longer than {most} characters")


def _on_one_line(column: str, text: str) -> str:
    # What stands on two lines may be two numbers.
    return text if column == "phone_number" else text.replace("\n", " ").strip()


def _check_email(email: str) -> None:
    try:
        email_of(email)
    except InvalidInput as fault:
        raise RowError("email is not an e-mail address, such as ann@example.com") from fault


def _cells_of(contact: ExportedContact) -> Sequence[str]:
    return (
        phone.show_as_text(contact.recipient),
        contact.email or "",
        contact.first_name,
        contact.last_name,
        contact.carrier or "",
        contact.line_type or "",
        contact.timezone or "",
        _moment(contact.signup_at),
        contact.ad_network_source or "",
        contact.ad_network_id or "",
        "true" if contact.active else "false",
        _moment(contact.unsubscribed_at),
        contact.reason or "",
        "" if contact.custom_fields == "{}" else contact.custom_fields,
    )


def _moment(at: int | None) -> str:
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z"
