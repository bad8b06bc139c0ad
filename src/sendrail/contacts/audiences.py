"""Audiences of an account: saved filters over the contacts of its lists."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, slice_of, text_of, title_of
from sendrail.domain.audience import (
    DESCRIPTION_LENGTH_MAX,
    NAME_LENGTH_MAX,
    SOURCE_LISTS_MAX,
    Audience,
    AudienceStatus,
)
from sendrail.domain.audience_filter import FilterGroup
from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import Conflict, InvalidInput, NotFound, missing
from sendrail.domain.ids import AccountId
from sendrail.storage.contacts.audience_targets import checked_target
from sendrail.storage.interface import Store, Tx

AUDIENCES_MAX: Final = 1_000
_REF_BYTES: Final = 12
# What another number of members follows from.
_MEANING: Final = frozenset({"filter", "source_lists"})


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """One page of audiences, and how many there are."""

    audiences: Sequence[Audience]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceChange:
    """What a caller gives of an audience; None is not given."""

    name: str | None = None
    description: str | None = None
    source_lists: Sequence[int] | None = None
    filter: FilterGroup | None = None
    status: str | None = None


class AudienceService:
    """Operations on an account's audiences; one is named by its public id."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        given: AudienceChange,
        actor: Actor,
        *,
        guard: Guard = unguarded,
    ) -> Audience:
        """Add an audience.

        Raises `InvalidInput` with the field at fault, `NotFound` for a list or an audience that is
        not the account's, and `Conflict` past `AUDIENCES_MAX`.
        """
        if not (given.name or "").strip():
            raise missing("name")
        if given.filter is None:
            raise missing("filter")
        values = _NEW | _values(given)
        ref = secrets.token_hex(_REF_BYTES)

        def add(tx: Tx) -> Audience:
            if tx.audiences.count(account_id) >= AUDIENCES_MAX:
                raise Conflict(
                    f"An account has at most {AUDIENCES_MAX:,} audiences, archived ones included.",
                    code="too_many_audiences",
                )
            now = self._now()
            checked_target(tx.audiences, account_id, values["source_lists"], values["filter"], now)
            row = values | {"created_at": now, "updated_at": now}
            tx.audiences.add(account_id, ref=ref, **row)
            _note(tx, account_id, actor, Action.AUDIENCE_ADDED, ref, now, values)
            return owned_audience(tx, account_id, ref)

        return await self._store.write(guard(add))

    async def page(
        self,
        account_id: AccountId,
        status: AudienceStatus = AudienceStatus.ACTIVE,
        *,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> AudiencePage:
        """Return one page of the audiences of a status, newest first."""
        offset, limit = slice_of(page, per_page)
        return await self._store.read(
            lambda tx: AudiencePage(*tx.audiences.page(account_id, status, offset, limit))
        )

    async def show(self, account_id: AccountId, ref: str) -> Audience:
        """Return one audience. Raises `NotFound`, the same for another account's."""
        return await self._store.read(lambda tx: owned_audience(tx, account_id, ref))

    async def change(
        self, account_id: AccountId, ref: str, given: AudienceChange, actor: Actor
    ) -> Audience:
        """Change what is given; where that changes its members, its size is unknown again."""
        values = _values(given)

        def change(tx: Tx) -> Audience:
            before, now = owned_audience(tx, account_id, ref), self._now()
            if not values:
                return before
            if _MEANING & values.keys():
                lists = values.get("source_lists", before.source_lists)
                group = values.get("filter", before.filter)
                checked_target(tx.audiences, account_id, lists, group, now, ref=ref)
                values.update(cached_size=None, cached_size_updated_at=None)
            # Later than before, so that a count under way sees that it is no longer of this.
            later = max(now, before.updated_at + 1)
            tx.audiences.change(account_id, before.id, updated_at=later, **values)
            _note(tx, account_id, actor, Action.AUDIENCE_CHANGED, ref, now, values)
            return owned_audience(tx, account_id, ref)

        return await self._store.write(change)

    async def archive(self, account_id: AccountId, ref: str, actor: Actor) -> None:
        """Hide an audience from lists of them; what names it goes on, and it can come back."""

        def archive(tx: Tx) -> None:
            audience, now = owned_audience(tx, account_id, ref), self._now()
            if audience.status is AudienceStatus.ARCHIVED:
                return
            status, later = AudienceStatus.ARCHIVED.value, max(now, audience.updated_at + 1)
            tx.audiences.change(account_id, audience.id, status=status, updated_at=later)
            _note(tx, account_id, actor, Action.AUDIENCE_ARCHIVED, ref, now, {})

        await self._store.write(archive)


_NEW: Final[dict[str, Any]] = {
    "description": "",
    "source_lists": (),
    "status": AudienceStatus.ACTIVE.value,
}


def owned_audience(tx: Tx, account_id: AccountId, ref: str) -> Audience:
    """Return the account's audience of a public id; another's is no audience."""
    found = tx.audiences.by_ref(account_id, ref)
    if found is None:
        raise NotFound("There is no such audience, or it is not yours.")
    return found


def _values(given: AudienceChange) -> dict[str, Any]:
    """Return the columns that are given, each checked. Raises `InvalidInput`."""
    values: dict[str, Any] = {
        "name": title_of(given.name, NAME_LENGTH_MAX),
        "description": _description(given.description),
        "source_lists": _source_lists(given.source_lists),
        "filter": given.filter,
        "status": _status(given.status),
    }
    return {name: value for name, value in values.items() if value is not None}


def _description(text: str | None) -> str | None:
    if text is None:
        return None
    return text_of("description", text, DESCRIPTION_LENGTH_MAX) or ""


def _source_lists(list_ids: Sequence[int] | None) -> tuple[int, ...] | None:
    if list_ids is None:
        return None
    if len(list_ids) > SOURCE_LISTS_MAX:
        raise InvalidInput(
            f"`source_lists` names at most {SOURCE_LISTS_MAX:,} lists; none is all of them",
            param="source_lists",
        )
    return tuple(dict.fromkeys(list_ids))


def _status(text: str | None) -> str | None:
    if text is not None and text not in set(AudienceStatus):
        raise InvalidInput(
            f"`status` must be {' or '.join(AudienceStatus)}", code="invalid_status", param="status"
        )
    return text


def _note(  # noqa: PLR0917 - an entry's parts
    tx: Tx,
    account_id: AccountId,
    actor: Actor,
    action: Action,
    ref: str,
    now: int,
    values: dict[str, Any],
) -> None:
    details = {"fields": sorted(values.keys() - _NEVER_NOTED)} if values else {}
    tx.audit.add(account_id, actor, action, f"audience {ref}", details, now)


_NEVER_NOTED: Final = frozenset({"cached_size", "cached_size_updated_at"})
