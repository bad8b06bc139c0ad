"""Templates, and what they are given: every text of a customer is escaped, whatever it holds."""

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sendrail.dashboard import icons
from sendrail.dashboard.showing import (
    DASH,
    STATUSES,
    ReaderTimes,
    browser_shown,
    coded_shown,
    count_shown,
    day_shown,
    earned_shown,
    initials_shown,
    number_shown,
    payout_shown,
    percent_shown,
    place_shown,
    rate_shown,
    took_shown,
    unread_shown,
)

_ICON: Final = Markup('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>')
_SYMBOL: Final = Markup('<symbol id="i-{}" viewBox="0 0 16 16"><path d="{}"/></symbol>')


@dataclass(slots=True)
class _Icons:
    """The icons that one page uses, each drawn once."""

    used: dict[str, None] = field(default_factory=dict)

    def icon(self, name: str) -> Markup:
        """Return the element of an icon."""
        self.used[name] = None
        return _ICON.format(name)

    def sprite(self) -> Markup:
        """Return the drawings of what was used so far; stands at the end of the page."""
        return Markup().join(_SYMBOL.format(name, icons.PATHS[name]) for name in self.used)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("sendrail.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        browser=browser_shown,
        coded=coded_shown,
        count=count_shown,
        day=day_shown,
        earned=earned_shown,
        initials=initials_shown,
        number=number_shown,
        payout=payout_shown,
        took=took_shown,
        percent=percent_shown,
        place=place_shown,
        rate=rate_shown,
    )
    made.globals.update(DASH=DASH, STATUSES=STATUSES, unread_shown=unread_shown)
    return made


def prepare() -> None:
    """Read the templates of the first page, whose live part is kept for as long as it took."""
    for name in ("overview.html", "overview_live.html"):
        _environment().get_template(name)


def render(template: str, times: ReaderTimes, **values: Any) -> str:
    """Return a page, or a part of one."""
    icons_used = _Icons()
    return (
        _environment()
        .get_template(template)
        .render(
            icon=icons_used.icon, sprite=icons_used.sprite, when=times.tag, times=times, **values
        )
    )


@cache
def static(name: str) -> bytes:
    """Return a file that is served as it is. Raises `FileNotFoundError`."""
    return resources.files("sendrail.dashboard").joinpath("static", name).read_bytes()
