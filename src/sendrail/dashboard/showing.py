"""How values are written on pages: numbers, times, telephone numbers, statuses.

A time is shown in the reader's zone, with the exact one on hover; what is not there is a dash.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from math import floor, log10
from typing import Final, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import phonenumbers
from markupsafe import Markup

from sendrail.contacts.replies import COUNT_MAX
from sendrail.domain.message import Status
from sendrail.domain.money import UNIT
from sendrail.domain.report import EarnedRevenue

DASH: Final = "–"  # noqa: RUF001 - the sign for nothing there
_ZONE_LENGTH_MAX: Final = 64
# What a browser's name for itself has in it; most name others as well, so the rarer stand first.
_BROWSERS: Final = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_CENT: Final = UNIT // 100
_SECOND: Final = 1_000
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


class StatusLook(NamedTuple):
    """A status as it is shown: its word, and the class that gives shape and colour."""

    word: str
    look: str


STATUSES: Final[Mapping[Status, StatusLook]] = {
    Status.QUEUED: StatusLook("Queued", "queued idle"),
    Status.SENDING: StatusLook("Sending", "sent"),
    Status.SENT: StatusLook("Sent", "sent"),
    Status.UNCERTAIN: StatusLook("Uncertain", "doubt"),
    Status.DELIVERED: StatusLook("Delivered", "ok"),
    Status.UNDELIVERED: StatusLook("Undelivered", "warn"),
    Status.FAILED: StatusLook("Failed", "bad"),
    Status.DROPPED: StatusLook("Dropped", "dropped idle"),
    Status.ORPHANED: StatusLook("Orphaned", "dropped idle"),
}


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """Return the zone that a browser says it is in, UTC for one that is unknown here.

    In a cookie the slash of `Europe/Oslo` is written as `%2F`.
    """
    try:
        return ZoneInfo(unquote(name)[:_ZONE_LENGTH_MAX])
    except (ValueError, OSError, KeyError):
        return UTC


@lru_cache(maxsize=4_096)
def number_shown(text: str) -> str:
    """Return a sender or recipient for reading: `+1 555 010 1184`, `72345`, `Acme`."""
    if not text.startswith("+"):
        return text
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    if parsed.country_code == 1:
        digits = str(parsed.national_number).zfill(10)
        return f"+1 {digits[:3]} {digits[3:6]} {digits[6:]}"
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form).replace("-", " ")


def count_shown(count: float | None) -> str:
    """Return a count with its thousands apart."""
    return DASH if count is None else f"{count:,.0f}"


def rate_shown(per_second: float) -> str:
    """Return a rate in the shortest time of which it is at least one: a second, minute or hour."""
    rate, time = per_second, "second"
    for longer in ("minute", "hour"):
        if rate >= 1 or not rate:
            break
        rate, time = rate * 60, longer
    # Two digits at least: 0.36, 1.5, 28.
    number = f"{rate:,.{max(0, 1 - floor(log10(rate)))}f}".removesuffix(".0") if rate else "0"
    return f"{number} {'an' if time == 'hour' else 'a'} {time}"


def percent_shown(part: float, whole: float, places: int = 1) -> str:
    """Return a share with so many places after the point; a dash of nothing."""
    return f"{100 * part / whole:.{places}f}" if whole else DASH


def earned_shown(revenue: Mapping[str, EarnedRevenue]) -> str:
    """Return what was earned, each currency by itself: `$12,050.00`, `120.00 EUR`."""
    amounts = [_in(f"{each.amount / UNIT:,.2f}", name) for name, each in sorted(revenue.items())]
    return ", ".join(amounts) or DASH


def payout_shown(amount: int, currency: str) -> str:
    """Return what an offer pays, to the last digit that is kept: `$12.50`, `0.0125 EUR`."""
    return _in(f"{amount / UNIT:,.{4 if amount % _CENT else 2}f}", currency)


def _in(amount: str, currency: str) -> str:
    return f"${amount}" if currency == "USD" else f"{amount} {currency}"


def took_shown(milliseconds: int | None) -> str:
    """Return how long something took: `148 ms`, `1.452 s`, `2 min 8 s`, `3 h 5 min`."""
    if milliseconds is None:
        return DASH
    ms = abs(milliseconds)
    if ms < _SECOND:
        return f"{ms} ms"
    if ms < _MINUTE:
        return f"{ms / _SECOND:.3f} s"
    if ms < _HOUR:
        return f"{ms // _MINUTE} min {ms % _MINUTE // _SECOND} s"
    if ms < 2 * _DAY:
        return f"{ms // _HOUR} h {ms % _HOUR // _MINUTE} min"
    return f"{ms // _DAY} days"


def lasted_shown(milliseconds: int) -> str:
    """Return roughly for how long something has been so: `12 min`, `3 h`, `2 days`."""
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if milliseconds >= (2 * unit if unit == _DAY else unit):
            return f"{milliseconds // unit} {name}"
    return "less than a minute"


def unread_shown(unread: int) -> Markup:
    """Return the mark beside the inbox, of replies counted up to `COUNT_MAX`; empty for none."""
    if not unread:
        return Markup()
    text = str(unread) if unread < COUNT_MAX else f"{COUNT_MAX - 1}+"
    return Markup('<span class="count new">{}<span class="sr"> unread</span></span>').format(text)


def day_shown(day: date | str) -> str:
    """Return a day, which may be written as in ISO 8601, with its weekday: `Sun 29 Nov 2026`."""
    at = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{at:%a} {at.day} {at:%b %Y}"


def browser_shown(agent: str) -> str:
    """Return a browser and its system from what it says of itself: `Firefox on Windows`.

    What is not known is returned as it is.
    """
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if browser and system else agent


def coded_shown(text: str) -> Markup:
    """Return a text with what stands between backticks as code."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


def initials_shown(name: str) -> str:
    """Return the initials of a person: `ML` for Mara Lindgren, `M` for Mara."""
    words = name.split()
    return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper() if words else "?"


def place_shown(zone: str) -> str:
    """Return a zone as people say it: `New York`."""
    return zone.rpartition("/")[2].replace("_", " ")


def local_field(at: datetime) -> str:
    """Return what a clock shows as the field of a form takes it."""
    local = at.replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")


class ReaderTimes:
    """Times as one reader sees them, at one moment."""

    def __init__(self, zone: tzinfo, now: int) -> None:
        self.zone = zone
        self.now = now

    def at(self, milliseconds: int) -> datetime:
        """Return a time in the reader's zone."""
        seconds, rest = divmod(milliseconds, _SECOND)
        return datetime.fromtimestamp(seconds, self.zone) + timedelta(milliseconds=rest)

    @property
    def place(self) -> str:
        """The zone in words: `New York`, `UTC`."""
        return place_shown(str(self.zone)) or "UTC"

    def field(self, milliseconds: int | None) -> str:
        """Return a time as the field of a form takes it: `2026-11-24T11:02:51`; empty for none."""
        if milliseconds is None:
            return ""
        return local_field(self.at(milliseconds))

    def exact(self, milliseconds: int) -> str:
        """Return the whole of a time: `24 Nov 2026, 11:02:51.318 EST`."""
        return _exact(self.at(milliseconds))

    def near(self, milliseconds: int) -> str:
        """Return a time as near as it is read: `3 min ago`, `10:41`, `Mon 10:41`, `3 May`."""
        ago = self.now - milliseconds
        if 0 <= ago < _MINUTE:
            return "now"
        if 0 <= ago < _HOUR:
            return f"{ago // _MINUTE} min ago"
        at, today = self.at(milliseconds), self.at(self.now)
        if at.date() == today.date():
            return f"{at:%H:%M}"
        if 0 < ago < 6 * _DAY:
            return f"{at:%a %H:%M}"
        return f"{at.day} {at:%b}" if at.year == today.year else f"{at.day} {at:%b %Y}"

    def due(self, milliseconds: int) -> str:
        """Return a time with its day, and its year where that is another: `Tue 24 Nov, 11:00`."""
        at = self.at(milliseconds)
        year = "" if at.year == self.at(self.now).year else f" {at:%Y}"
        return f"{at:%a} {at.day} {at:%b}{year}, {at:%H:%M}"

    def clock(self, milliseconds: int, *, fine: bool = False) -> str:
        """Return the time of day, to the second or `fine` to the millisecond."""
        at = self.at(milliseconds)
        clock = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
        return f"{clock}.{milliseconds % _SECOND:03d}" if fine else clock

    def tag(self, milliseconds: int | None, kind: str = "near") -> Markup:
        """Return the element of a time; `kind` is near, due, clock, fine or exact."""
        if milliseconds is None:
            return Markup(DASH)  # noqa: S704 - a constant
        shown = {
            "near": self.near,
            "due": self.due,
            "clock": self.clock,
            "fine": lambda ms: self.clock(ms, fine=True),
            "exact": self.exact,
        }[kind](milliseconds)
        at = self.at(milliseconds)
        # Nothing of it is from outside: a name of a zone is letters, digits and signs of its own.
        return Markup(  # noqa: S704
            f'<time datetime="{at.isoformat(timespec="milliseconds")}" title="{_exact(at)}">'
            f"{shown}</time>"
        )


def _exact(at: datetime) -> str:
    """Return the whole of a time; written out, because `strftime` takes four times as long."""
    return (
        f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at.hour:02}:{at.minute:02}:{at.second:02}"
        f".{at.microsecond // 1_000:03} {at.tzname()}"
    )
