"""Carrier, line type and time zone of contacts, found out beside the traffic.

A contact is stored without them; the finder fills them in afterwards. What is asked is the
installation's choice: the published numbering plans, which cost nothing and know little, or a
paid service that a package installed beside Sendrail brings along under the entry-point group
`sendrail.lookups`.
"""

import time
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from sendrail.contacts.area_codes import area_of, zones_of
from sendrail.domain import phone
from sendrail.domain.errors import SendrailError, SetupError
from sendrail.domain.numbering import LineType, NumberFacts
from sendrail.domain.phone import PhoneNumber
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber as ParsedNumber

_log = structlog.get_logger()

GROUP: Final = "sendrail.lookups"
# A few milliseconds of the loop at a time; no request waits for a look-up.
_AT_ONCE: Final = 50
_LOOK_SECONDS: Final = 5.0
# A service that fails is asked again later, and then later still.
_PAUSE_SECONDS_MAX: Final = 3_600.0
# Nine tenths of the time are left to other work: a million contacts take about half an hour.
_REST: Final = 9


class NumberLookUp(Protocol):
    """Finds out about numbers; made without arguments, and called with at most fifty.

    It answers for each number in its order, and raises where it cannot answer at all: then the
    same numbers are asked for again later.
    """

    async def look_up(self, numbers: Sequence[PhoneNumber]) -> Sequence[NumberFacts]: ...


def lookup_of(name: str) -> NumberLookUp:
    """Return a look-up by its name. Raises `SetupError` when it is unknown or broken."""
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in known:
        raise SetupError(
            f"Setting number_lookup: there is no look-up {name!r}; known: "
            f"{', '.join(sorted(known)) or 'none is installed'}."
        )
    try:
        found: NumberLookUp = known[name].load()()
    except Exception as error:
        # The module of a plug-in runs here, and may raise anything.
        raise SetupError(
            f"Setting number_lookup: {name!r} ({known[name].value}) cannot be loaded: {error!r}."
        ) from error
    return found


class NumberingPlans:
    """Looks numbers up in the published plans, which are loaded at the first of them.

    A North American number shows no line type and no carrier, and its zone only where its area
    code has a single one: Google's data place each exchange, and are wrong for some.
    """

    async def look_up(self, numbers: Sequence[PhoneNumber]) -> Sequence[NumberFacts]:
        return [facts_of(number) for number in numbers]


def facts_of(number: PhoneNumber) -> NumberFacts:
    """Return what the numbering plans know of one number."""
    import phonenumbers
    from phonenumbers import carrier

    try:
        parsed = phonenumbers.parse(phone.show(number))
    except phonenumbers.NumberParseException:
        return NumberFacts(is_valid=False)
    return NumberFacts(
        carrier=carrier.name_for_number(parsed, "en") or None,
        line_type=_line_type(phonenumbers.number_type(parsed)),
        timezone=_timezone(number, parsed),
        is_valid=phonenumbers.is_valid_number(parsed),
    )


def _line_type(kind: int) -> LineType:
    from phonenumbers import PhoneNumberType

    return {
        PhoneNumberType.MOBILE: LineType.CELL_PHONE,
        PhoneNumberType.PAGER: LineType.CELL_PHONE,
        PhoneNumberType.FIXED_LINE: LineType.LANDLINE,
        PhoneNumberType.VOIP: LineType.VOIP,
    }.get(kind, LineType.UNKNOWN)


def _timezone(number: PhoneNumber, parsed: "ParsedNumber") -> str | None:
    from phonenumbers import timezone

    zones = zones_of(number)
    if not zones and area_of(number) is None:
        zones = timezone.time_zones_for_number(parsed)
    only = zones[0] if len(zones) == 1 else None
    return None if only == timezone.UNKNOWN_TIMEZONE else only


class Finder:
    """Looks up the contacts that have not been looked up yet, again and again until cancelled.

    Of several processes only the owner does so: a number that is looked up twice may be paid for
    twice.
    """

    def __init__(
        self,
        store: Store,
        lookup: NumberLookUp,
        *,
        now: Callable[[], int],
        ownership: Ownership,
    ) -> None:
        self._store = store
        self._lookup = lookup
        self._now = now
        self._ownership = ownership
        self._rounds = Rounds(
            "look_up",
            hint=store.hints.change_event(),
            calm_seconds=_LOOK_SECONDS,
            retry_seconds=_LOOK_SECONDS,
        )
        self._pause = _LOOK_SECONDS

    async def run(self) -> None:
        """Look up what there is; between two batches, and after a failure, let others work."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        began = time.perf_counter()
        try:
            found = await self.step() if self._ownership.owns() else 0
        except SendrailError:
            raise
        except Exception as error:  # noqa: BLE001 - the code of a plug-in, over a network
            # Whatever is written meanwhile: this rest is for the service.
            self._pause = self._rounds.calm_seconds = min(2 * self._pause, _PAUSE_SECONDS_MAX)
            name = type(error).__name__
            _log.warning("look_up_failed", error=name, again_in_seconds=self._pause)
            return self._pause
        self._pause = self._rounds.calm_seconds = _LOOK_SECONDS
        if found == _AT_ONCE:
            return _REST * (time.perf_counter() - began)
        return max(_LOOK_SECONDS, self._store.hints.look_seconds)

    async def step(self) -> int:
        """Look up one batch; return how many that were."""
        places = await self._store.read(lambda tx: tx.numbers.unknown(_AT_ONCE), begun=False)
        if not places:
            return 0
        facts = await self._lookup.look_up([recipient for _, recipient in places])
        found = dict(zip(places, facts, strict=True))
        await self._store.write(lambda tx: tx.numbers.keep(found, self._now()))
        return len(found)
