"""Times on the command line: `2026-11-23T08:00Z`, or only a day; the default zone is UTC."""

from datetime import UTC, datetime

import typer


def moment_of(text: str, option: str) -> int | None:
    """Return milliseconds since the epoch, or None for an empty text.

    Raises `typer.BadParameter`, which names the option, for any other form.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("is a time such as 2026-11-23T08:00Z", param_hint=option) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
