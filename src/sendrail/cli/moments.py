"""Times on the command line: `2026-11-23T08:00Z`, or only a day; the default zone is UTC."""

import typer

from sendrail.domain.times import read_instant


def moment_of(text: str, option: str) -> int | None:
    """Return milliseconds since the epoch, or None for an empty text.

    Raises `typer.BadParameter`, which names the option, for any other form.
    """
    if not text:
        return None
    if (at := read_instant(text)) is None:
        raise typer.BadParameter("must be a time such as 2026-11-23T08:00Z", param_hint=option)
    return at
