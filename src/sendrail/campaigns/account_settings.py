"""What holds for all that an account sends: its clock, what stands around texts, its country."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sendrail.campaigns.zones import zones_of
from sendrail.contacts.frames import NO_CHANGE, FrameChange, account_frame
from sendrail.contacts.numbering_plans import country_of
from sendrail.contacts.replies import stop_words_of
from sendrail.domain import quiet_hours
from sendrail.domain.audit import Action, Actor
from sendrail.domain.frame import Frame
from sendrail.domain.ids import AccountId
from sendrail.domain.local_time import zone_of
from sendrail.domain.occurrences import next_at
from sendrail.domain.schedule import ScheduleStatus
from sendrail.intake.accounts import account_name_of, blocked_words_of
from sendrail.storage.interface import Store, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The settings of an account.

    `country` is that of numbers without a plus in its files, two letters or empty. The `frame` is
    that of lists that say nothing of it themselves. No text may contain a blocked word; words for
    STOP are the account's own beside the usual ones. `quiet_hours` are those of lists that have
    none of their own, such as `21:00-08:00`, or empty.
    """

    name: str
    timezone: str
    country: str
    frame: Frame
    blocked_words: Sequence[str] = ()
    stop_words: Sequence[str] = ()
    quiet_hours: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettingsChange:
    """What is to be different in an account's settings; None stays as it is."""

    name: str | None = None
    timezone: str | None = None
    country: str | None = None
    frame: FrameChange = NO_CHANGE
    blocked_words: Sequence[str] | None = None
    stop_words: Sequence[str] | None = None
    quiet_hours: str | None = None


_NOTHING: Final = AccountSettingsChange()


class AccountSettingsService:
    """Shows and changes the settings of an account."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def show(self, account_id: AccountId) -> AccountSettings:
        """Return the account's settings."""
        return await self._store.read(lambda tx: _settings(tx, account_id))

    async def change(
        self, account_id: AccountId, change: AccountSettingsChange, actor: Actor
    ) -> AccountSettings:
        """Change what is given; another clock holds for schedules that are on as well.

        Raises `InvalidInput` that names the first field at fault, and `Conflict` where another
        account has the name.
        """
        name = None if change.name is None else account_name_of(change.name)
        words = None if change.blocked_words is None else blocked_words_of(change.blocked_words)
        stops = None if change.stop_words is None else stop_words_of(change.stop_words)
        zone = None if change.timezone is None else zone_of(change.timezone.strip()).key
        given = None if change.country is None else country_of(change.country)
        country = given.code if given is not None else ""
        hours = quiet_hours.written(change.quiet_hours or "")

        def write(tx: Tx) -> AccountSettings:
            before, now = _settings(tx, account_id), self._now()
            if name is not None:
                tx.accounts.rename(account_id, name)
            if words is not None:
                tx.accounts.set_blocked_words(account_id, ",".join(words))
            if stops is not None:
                tx.accounts.set_stop_words(account_id, ",".join(stops))
            if zone not in {None, before.timezone}:
                _set_clock(tx, account_id, zone or "", now)
            if change.country is not None:
                tx.accounts.set_country(account_id, country)
            if change.quiet_hours is not None:
                tx.accounts.set_quiet_hours(account_id, hours)
                tx.lists.inherit_quiet_hours(account_id, hours)
            if change.frame != NO_CHANGE:
                own = change.frame.over(tx.accounts.own_frame(account_id))
                tx.accounts.set_own_frame(account_id, own)
            after = _settings(tx, account_id)
            if details := _details(before, after):
                tx.audit.add(account_id, actor, Action.ACCOUNT_CHANGED, "account", details, now)
            return after

        return await (self.show(account_id) if change == _NOTHING else self._store.write(write))


def _settings(tx: Tx, account_id: AccountId) -> AccountSettings:
    return AccountSettings(
        name=tx.accounts.name(account_id),
        timezone=tx.accounts.timezone(account_id),
        country=tx.accounts.country(account_id),
        frame=account_frame(tx, account_id),
        blocked_words=_listed(tx.accounts.blocked_words(account_id)),
        stop_words=_listed(tx.accounts.stop_words(account_id)),
        quiet_hours=tx.accounts.quiet_hours(account_id) or "",
    )


def _listed(words: str) -> Sequence[str]:
    return tuple(words.split(",")) if words else ()


def _set_clock(tx: Tx, account_id: AccountId, zone: str, now: int) -> None:
    """Let an account's schedules go by another clock, also those that are on."""
    tx.accounts.set_timezone(account_id, zone)
    for each in tx.schedules.all(account_id, ScheduleStatus.ON):
        # Hours that the other clock has behind it are not made up for.
        moved = replace(each, on_since=max(now, each.on_since or 0))
        coming = next_at(moved, zones_of(tx, account_id, moved), moved.last_date)
        tx.schedules.change(
            account_id, each.id, on_since=moved.on_since, next_at=coming, updated_at=now
        )


def _details(before: AccountSettings, after: AccountSettings) -> dict[str, object]:
    """Return what an entry of the audit log says of a change; the texts it does not repeat."""
    names = ("name", "timezone", "country", "frame", "blocked_words", "stop_words", "quiet_hours")
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    if "frame" in changed:
        texts = zip(("prepend_text", "append_text"), before.frame, after.frame, strict=True)
        changed.remove("frame")
        changed += [name for name, old, new in texts if old != new]
    if not changed:
        return {}
    zone = {"timezone": after.timezone} if "timezone" in changed else {}
    return {"fields": changed, **zone}
