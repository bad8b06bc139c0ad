"""Times on the command line: `2026-11-23T08:00Z`, or only a day; the default zone is UTC."""

from typing import overload

import typer

from sendrail.domain.times import read_instant


@overload
def moment_of(text: str, option: str) -> int: ...
@overload
def moment_of(text: str | None, option: str) -> int | None: ...
def moment_of(text: str | None, option: str) -> int | None:
    """Return milliseconds since the epoch; None is an option that is not given.

    Raises `typer.BadParameter`, which names the option, for any other text. An empty one is of a
    script whose variable is unset, and none must not mean now, or all that there is.
    """
    if text is None:
        return None
    if (at := read_instant(text)) is None:
        raise typer.BadParameter("must be a time such as 2026-11-23T08:00Z", param_hint=option)
    return at
