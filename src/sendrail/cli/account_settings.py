"""One account's settings, as commands of several groups show and change them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sendrail.cli.session import operator, run

if TYPE_CHECKING:
    from sendrail.campaigns.account_settings import AccountSettings
    from sendrail.contacts.frames import FrameChange


def change_settings(
    *,
    name: str | None = None,
    timezone: str | None = None,
    country: str | None = None,
    frame: "FrameChange | None" = None,
    blocked_words: Sequence[str] | None = None,
    stop_words: Sequence[str] | None = None,
    quiet_hours: str | None = None,
) -> "AccountSettings":
    """Change what is given of the account of the commands; return its settings.

    Nothing given changes nothing.
    """
    from sendrail.campaigns.account_settings import AccountSettingsChange
    from sendrail.contacts.frames import NO_CHANGE

    change = AccountSettingsChange(
        name=name,
        timezone=timezone,
        country=country,
        frame=frame or NO_CHANGE,
        blocked_words=blocked_words,
        stop_words=stop_words,
        quiet_hours=quiet_hours,
    )
    return run(lambda it: it.account_settings.change(it.default_account, change, operator()))
