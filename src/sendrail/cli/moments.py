"""Moments as people type them: `2026-11-23T08:00Z`, or a day alone; without a zone it is UTC."""

from datetime import UTC, datetime

import typer


def moment_of(text: str, option: str) -> int | None:
    """Return milliseconds since the epoch, None for an option that was not given."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("is a time such as 2026-11-23T08:00Z", param_hint=option) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
