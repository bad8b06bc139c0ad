"""Sending lists: the numbers an account sends from, each with its pace and its state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from sendrail.contacts.csv_files import CsvReader, RowError
from sendrail.contacts.frames import NO_CHANGE, FrameChange, frame_values
from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.import_log import ImportLog
from sendrail.contacts.imports import (
    PHONE_COLUMN,
    Chunks,
    ImportOptions,
    ImportReport,
    RowOutcome,
    country_for,
    import_rows,
)
from sendrail.contacts.inputs import (
    find_list_by_id,
    name_of,
    no_list,
    no_list_here,
    owned_list,
    owned_list_by_id,
)
from sendrail.contacts.list_details import ListDetails, all_details, details, uncounted
from sendrail.contacts.list_texts import answer_changes, answer_values
from sendrail.contacts.numbering_plans import Country
from sendrail.contacts.senders import claim_number, claim_sender
from sendrail.contacts.written_numbers import number_of
from sendrail.domain import phone, quiet_hours, sender_ids
from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.contact import Scope
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.quiet_hours import NO_HOURS, QuietScope
from sendrail.domain.sender import Connector, ListStatus, OnUncertain, SendingList
from sendrail.storage.interface import Store, Tx

RATE_MAX: Final = 6_000_000
# A rate beyond the bound is read as well, and refused by it.
_RATE_READ_MAX: Final = 10**15 - 1
# All of them are returned in one answer, and looked at when one is added.
LISTS_MAX: Final = 10_000
_TOO_MANY: Final = (
    f"An account has at most {LISTS_MAX:,} lists, deleted ones too. Bring a deleted one back, or "
    "use another account."
)

_COLUMNS: Final = {
    "number": ("number", "list_number", *PHONE_COLUMN["phone_number"]),
    "name": ("name", "list_name"),
    "rate": ("rate",),
}


@dataclass(frozen=True, slots=True)
class _NewList:
    number: PhoneNumber
    sender_name: str | None
    name: str
    brand: str
    rate: int
    on_uncertain: OnUncertain


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChange:
    """What is to be different on a list; None stays as it is.

    An empty second connector takes that connector away, an empty text is the default one again.
    """

    status: ListStatus | None = None
    name: str | None = None
    brand: str | None = None
    rate: int | None = None
    connector: str | None = None
    second_connector: str | None = None
    on_uncertain: OnUncertain | None = None
    answers: bool | None = None
    stop_text: str | None = None
    start_text: str | None = None
    help_text: str | None = None
    frame: FrameChange = NO_CHANGE
    frames_sends: bool | None = None
    quiet_scope: QuietScope | None = None
    quiet_hours: str | None = None


class ListService:
    """Operations on sending lists.

    `default_rate` is that of a list added without one; where opt-outs are of the whole account, a
    new list begins with those of the others.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        default_rate: int,
        opt_out_scope: Scope = Scope.LIST,
    ) -> None:
        self._store = store
        self._now = now
        self._default_rate = default_rate
        self._inherits = opt_out_scope is Scope.ACCOUNT

    async def add(
        self,
        account_id: AccountId,
        number: PhoneNumber,
        *,
        sender_name: str | None = None,
        name: str = "",
        brand: str = "",
        rate: int | None = None,
        connector: str = "",
        second_connector: str = "",
        on_uncertain: OnUncertain = OnUncertain.HOLD,
        answers: AnswerTexts | None = None,
        frame: FrameChange = NO_CHANGE,
        frames_sends: bool = False,
        quiet_scope: QuietScope = QuietScope.CAMPAIGNS,
        quiet_hours: str = "",
        actor: Actor = OURSELVES,
        guard: Guard = unguarded,
    ) -> ListDetails:
        """Add a list; without a `connector` it goes by the only one the account can use.

        A list that sends as a name has it as `sender_name`, because `number` is its digest.
        """
        assert (sender_name is None) is sender_ids.takes_replies(number), (
            "a name comes with its text"
        )
        texts = answer_values(answers or AnswerTexts())
        wanted = _NewList(
            number=number,
            sender_name=sender_name,
            name=name_of(name.strip() or sender_name or phone.show(number), "list_name"),
            brand=_brand(brand),
            rate=rate_of(self._default_rate if rate is None else rate),
            on_uncertain=on_uncertain,
        )

        def insert(tx: Tx) -> ListDetails:
            if tx.lists.count(account_id) >= LISTS_MAX:
                raise Conflict(_TOO_MANY, code="too_many_lists")
            added = self._insert(
                tx, account_id, wanted, usable_connector(tx, account_id, connector)
            )
            tx.lists.change(account_id, added.id, **texts)
            more = ListChange(
                second_connector=second_connector or None,
                frame=frame,
                frames_sends=frames_sends,
                quiet_scope=quiet_scope,
                quiet_hours=quiet_hours,
            )
            made = self._apply(tx, added, more)
            self._note(tx, actor, Action.LIST_ADDED, made, {})
            return details(tx, made)

        return await self._store.write(guard(insert))

    async def import_csv(
        self,
        account_id: AccountId,
        chunks: Chunks,
        options: ImportOptions,
        *,
        connector: str = "",
        actor: Actor = OURSELVES,
    ) -> ImportReport:
        """Add the lists of a file with the columns number and, if wished, name and rate."""
        assert not options.dry_run, "lists are few, and their files are not judged beforehand"
        way, country = await self._store.read(
            lambda tx: (
                usable_connector(tx, account_id, connector),
                country_for(tx, account_id, options),
            )
        )

        def add(tx: Tx, rows: Sequence[_NewList]) -> Sequence[RowOutcome | RowError]:
            became: list[RowOutcome | RowError] = []
            room = LISTS_MAX - tx.lists.count(account_id)
            for wanted in rows:
                has_room = room > became.count(RowOutcome.CREATED)
                became.append(self._insert_row(tx, account_id, wanted, way, has_room=has_room))
            return became

        report = ImportReport.of(options, RowOutcome.CREATED, RowOutcome.ALREADY_THERE)
        log = ImportLog(self._store, self._now)
        async with log.noting(account_id, actor, Action.LISTS_IMPORTED, "lists", report) as noted:
            return await import_rows(
                chunks,
                CsvReader(_COLUMNS, ["number"]),
                lambda values: self._parse(values, country),
                noted(lambda rows: self._store.write(lambda tx: add(tx, rows))),
                options,
                report,
                keeps_lines=True,
            )

    async def all(
        self, account_id: AccountId, status: ListStatus | None = None
    ) -> list[SendingList]:
        """Return the lists of one status, or of any but deleted."""
        return await self._store.read(lambda tx: tx.lists.all(account_id, status))

    async def find(self, account_id: AccountId, number: PhoneNumber) -> ListDetails:
        """Return one list with what stands around it."""
        return await self._store.read(lambda tx: details(tx, owned_list(tx, account_id, number)))

    async def find_sender(self, account_id: AccountId, list_id: int) -> SendingList:
        """Return the list of an id alone. Raises `NotFound`."""
        return await self._store.read(lambda tx: owned_list_by_id(tx, account_id, list_id))

    async def find_by_id(
        self, account_id: AccountId, list_id: int, *, estimated: bool = False
    ) -> ListDetails:
        """Return the list of an id, as `find` does; `estimated`, many contacts are not counted."""
        return await self._store.read(
            lambda tx: details(tx, owned_list_by_id(tx, account_id, list_id), estimated=estimated)
        )

    async def all_details(
        self,
        account_id: AccountId,
        status: ListStatus | None = None,
        *,
        estimated: bool = False,
    ) -> list[ListDetails]:
        """Return the lists of one status, or of any but deleted, with what stands around them.

        `estimated`, many contacts are not counted to the last.
        """
        return await self._store.read(
            lambda tx: all_details(tx, account_id, status, estimated=estimated)
        )

    async def update(
        self,
        account_id: AccountId,
        number: PhoneNumber,
        change: ListChange,
        actor: Actor = OURSELVES,
    ) -> ListDetails:
        """Change a list: all that is asked for, or nothing.

        While it is paused, what waits in its queue is dropped when its turn comes. Deleted, it is
        hidden from everything but its history, because its opt-outs must outlive it; made active
        again, it comes back with its contacts. A list that comes to the account's own carrier must
        be verified before it sends.
        """
        return await self._update(
            lambda tx: tx.lists.find(account_id, number), change, actor, no_list(number)
        )

    async def update_by_id(
        self, account_id: AccountId, list_id: int, change: ListChange, actor: Actor = OURSELVES
    ) -> ListDetails:
        """Change the list of an id, as `update` does."""
        return await self._update(
            lambda tx: find_list_by_id(tx, account_id, list_id), change, actor, no_list_here()
        )

    async def _update(
        self,
        find: Callable[[Tx], SendingList | None],
        change: ListChange,
        actor: Actor,
        none_such: NotFound,
    ) -> ListDetails:
        def write(tx: Tx) -> ListDetails:
            found = find(tx)
            if found is None or _is_gone(found, change):
                raise none_such
            before = uncounted(tx, found)
            after = uncounted(tx, self._apply(tx, found, change))
            if said := _differences(before, after):
                self._note(tx, actor, Action.LIST_CHANGED, after.sender, said)
            return after

        changed = await self._store.write(write)
        if change.connector or change.second_connector is not None:
            # What waits for the old connector need not wait any longer.
            self._store.hints.queue_has([(changed.sender.lane, changed.sender.id)])
        # Its contacts are counted only now: all that is written waits for what writes.
        return await self._store.read(lambda tx: details(tx, changed.sender))

    def _note(
        self, tx: Tx, actor: Actor, action: Action, sender: SendingList, said: Mapping[str, object]
    ) -> None:
        about = f"list {sender.shown}"
        tx.audit.add(sender.account_id, actor, action, about, dict(said), self._now())

    def _insert(
        self, tx: Tx, account_id: AccountId, wanted: _NewList, connector: Connector
    ) -> SendingList:
        """Add a list; one that is refused has written nothing."""
        now = self._now()
        _expect_heard(wanted.number, connector)
        shown = wanted.sender_name or phone.show(wanted.number)
        shared = [connector.id] if connector.account_id is None else []
        claim_number(tx, account_id, wanted.number, shown, shared, now)
        added = _add(tx, account_id, wanted, connector, now)
        if self._inherits:
            tx.contacts.inherit(account_id, added.id, now)
        return added

    def _insert_row(
        self,
        tx: Tx,
        account_id: AccountId,
        wanted: _NewList,
        connector: Connector,
        *,
        has_room: bool,
    ) -> RowOutcome | RowError:
        """Add the list of a row, or return why it is not: the rows beside it do not wait for it."""
        if tx.lists.find(account_id, wanted.number):
            return RowOutcome.ALREADY_THERE
        if not has_room:
            return RowError(_TOO_MANY)
        try:
            self._insert(tx, account_id, wanted, connector)
        except (Conflict, InvalidInput) as refused:
            return RowError(refused.message)
        return RowOutcome.CREATED

    def _apply(self, tx: Tx, sender: SendingList, change: ListChange) -> SendingList:
        """Change a list of the account; what cannot be is refused with nothing changed."""
        changed = _apply(tx, sender, change)
        if changed.status is not ListStatus.DELETED:
            claim_sender(tx, changed, self._now())
        return changed

    def _parse(self, values: dict[str, str], country: Country | None) -> _NewList:
        # Digits in a file may be a number that lost its plus: short codes are added by hand.
        number = number_of(values["number"], country)
        said = values.get("rate", "")
        rate = read_digits(said, _RATE_READ_MAX) if said else self._default_rate
        if rate is None:
            raise RowError("the rate is not a whole number")
        try:
            return _NewList(
                number=number,
                sender_name=None,
                name=name_of(values.get("name") or phone.show(number)),
                brand="",
                rate=rate_of(rate),
                on_uncertain=OnUncertain.HOLD,
            )
        except InvalidInput as invalid:
            raise RowError(invalid.message) from invalid


def _brand(text: str) -> str:
    return name_of(text, "brand_name") if text.strip() else ""


def rate_of(rate: int) -> int:
    """Return a rate in messages per minute, when it is one."""
    if not 1 <= rate <= RATE_MAX:
        raise InvalidInput(
            f"A rate is 1 to {RATE_MAX:,} messages per minute.", code="invalid_rate", param="rate"
        )
    return rate


def usable_connector(
    tx: Tx, account_id: AccountId, name: str, param: str = "connector"
) -> Connector:
    """Return the connector of a name, or the only one there is, among those the account can use."""
    usable = tx.connectors.usable(account_id)
    # An account's own connector comes before the installation's of the same name.
    named = [connector for connector in usable if connector.name == name] if name else usable
    own = [connector for connector in named if connector.account_id == account_id]
    if name and named:
        return (own or named)[0]
    if len(usable) == 1 and not name:
        return usable[0]
    names = ", ".join(sorted({connector.name for connector in usable})) or "none"
    text = f"There is no connector {name}" if name else "Say which connector the list goes by"
    raise InvalidInput(
        f"{text}; the account can use: {names}.", code="invalid_connector", param=param
    )


def _expect_heard(number: PhoneNumber, connector: Connector) -> None:
    """Refuse an account's own carrier to a name: its webhook is verified by a reply."""
    if connector.account_id is not None and not sender_ids.takes_replies(number):
        raise InvalidInput(
            f"{connector.name} is the account's own carrier, which is verified by a reply, and "
            "a name gets no replies. Choose one of the installation's connectors, or a number.",
            code="invalid_connector",
            param="connector",
        )


def _second(tx: Tx, account_id: AccountId, name: str) -> ConnectorId | None:
    if not name:
        return None
    connector = usable_connector(tx, account_id, name, "second_connector")
    if connector.account_id is not None:
        # Its webhook is proved by verifying a list that has it as its first connector, and by that
        # only.
        raise InvalidInput(
            f"{connector.name} is the account's own carrier, which can be a list's first connector "
            "only. Choose one of the installation's.",
            code="invalid_connector",
            param="second_connector",
        )
    return connector.id


def _add(
    tx: Tx, account_id: AccountId, wanted: _NewList, connector: Connector, now: int
) -> SendingList:
    tx.lists.add(
        account_id,
        wanted.number,
        sender_name=wanted.sender_name,
        name=wanted.name,
        brand=wanted.brand,
        rate=wanted.rate,
        connector_id=connector.id,
        byoc=connector.account_id is not None,
        on_uncertain=wanted.on_uncertain,
        quiet_hours=tx.accounts.quiet_hours(account_id),
        now=now,
    )
    return owned_list(tx, account_id, wanted.number)


def _is_gone(found: SendingList, change: ListChange) -> bool:
    return found.status is ListStatus.DELETED and change.status is not ListStatus.ACTIVE


def _apply(tx: Tx, sender: SendingList, change: ListChange) -> SendingList:
    if sender.status is ListStatus.SUSPENDED and change.status in {
        ListStatus.PAUSED,
        ListStatus.ACTIVE,
    }:
        raise Conflict("The list is suspended by the operator.", code="list_suspended")
    plain: dict[str, Any] = {
        "status": change.status,
        "name": None if change.name is None else name_of(change.name, "list_name"),
        "brand": None if change.brand is None else _brand(change.brand),
        "rate": None if change.rate is None else rate_of(change.rate),
        "on_uncertain": change.on_uncertain,
        "frames_sends": change.frames_sends,
        "quiet_scope": change.quiet_scope,
    }
    values = {name: value for name, value in plain.items() if value is not None}
    values |= _connector_values(tx, sender, change)
    texts = answer_changes(
        change.answers,
        {
            "stop_text": change.stop_text,
            "start_text": change.start_text,
            "help_text": change.help_text,
        },
    )
    hours: dict[str, Any] = {}
    if change.quiet_hours is not None:
        is_own, text = _quiet_hours(tx, sender.account_id, change.quiet_hours.strip())
        hours = {"has_own_hours": is_own, "quiet_hours": text and quiet_hours.parse(text)}
        texts |= {"has_own_hours": is_own, "quiet_hours": text}
    if change.frame != NO_CHANGE:
        own = tx.lists.own_frame(sender.account_id, sender.id)
        texts |= frame_values(own, change.frame)
    if values or texts:
        tx.lists.change(sender.account_id, sender.id, **values, **texts)
    return replace(sender, **values | hours)


def _quiet_hours(tx: Tx, account_id: AccountId, given: str) -> tuple[bool, str | None]:
    """Return whether a list has quiet hours of its own, and its hours as they are kept."""
    if not given:
        return False, tx.accounts.quiet_hours(account_id)
    return True, None if given == NO_HOURS else quiet_hours.written(given)


def _differences(before: ListDetails, after: ListDetails) -> dict[str, object]:
    """Return what an entry of the audit log says of a change; the texts it does not repeat."""
    said = [
        each.name
        for each in fields(SendingList)
        if getattr(before.sender, each.name) != getattr(after.sender, each.name)
    ]
    said += [
        name for name in ("answers", "own_frame") if getattr(before, name) != getattr(after, name)
    ]
    if not said:
        return {}
    status = {"status": after.sender.status.value} if "status" in said else {}
    return {"fields": said, **status}


def _connector_values(tx: Tx, sender: SendingList, change: ListChange) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if change.connector:
        first = usable_connector(tx, sender.account_id, change.connector)
        _expect_heard(sender.number, first)
        values |= {"connector_id": first.id, "byoc": first.account_id is not None}
        if first.id != sender.connector_id:
            values["verified_at"] = None
            tx.verifications.forget(sender.id)
    if change.second_connector is not None:
        values["second_connector_id"] = _second(tx, sender.account_id, change.second_connector)
    changed = replace(sender, **values)
    if values and changed.second_connector_id == changed.connector_id:
        raise InvalidInput(
            "A list's second connector is another one than its first.", param="second_connector"
        )
    return values
