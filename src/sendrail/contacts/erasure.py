"""Deleting what is kept of a person, on their request.

All that is left is a digest by which the opt-out is still honoured. First goes what says who the
person is, in one transaction, and the gate is closed by it; then the log of messages and replies
is walked through, so that this takes seconds where there are millions. It can be asked for again
at any time, and a second time finds nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.domain.audit import Action, Actor
from sendrail.domain.ids import AccountId
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.upload import UploadState
from sendrail.storage.contacts.erasure import ErasurePart
from sendrail.storage.interface import Store, Tx

# Rows a read walks through at a time; a few milliseconds' worth.
_PART_ROWS: Final = 20_000
# Unreadable callbacks are as large as they came: fewer at a time.
_RAW_ROWS: Final = 500
# What is younger will be applied, and is a message's receipt or a reply of its own.
_APPLIED_WITHIN_MS: Final = 3_600_000
# A person's messages redacted at a time, so that no request waits for long.
_REDACTED_AT_ONCE: Final = 500
_WITHDRAWN: Final = (
    "A person's data was erased while the file waited, and the file may name them. Choose it again."
)

_Walk = Callable[[Tx, int], ErasurePart]
_Change = Callable[[Tx, Sequence[int]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReport:
    """How much was deleted or redacted."""

    lists: int
    consent_events: int
    blocks: int
    messages: int
    replies: int
    callbacks: int


class ErasureService:
    """Deletes a person's data in one account."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def erase(
        self,
        account_id: AccountId,
        who: PhoneNumber,
        actor: Actor,
        *,
        guard: Guard = unguarded,
    ) -> ErasureReport:
        """Delete all that is kept of a number in one account but that it stays out."""

        def forget(tx: Tx) -> tuple[int, dict[str, int]]:
            # The counts of their journeys stay.
            tx.passages.end_everywhere(account_id, [who], EndReason.ERASED, self._now())
            return tx.erasure.forget(account_id, who, self._now())

        digest, gone = await self._store.write(forget)
        await self._store.write(lambda tx: _withdraw_files(tx, account_id, self._now()))
        report = ErasureReport(
            lists=gone["list_contacts"],
            consent_events=gone["consent_events"],
            blocks=gone["blocks"],
            messages=await self._redact_messages(account_id, who),
            replies=await self._redact_replies(account_id, who),
            callbacks=await self._forget_callbacks(account_id, who),
        )
        await self._forget_events(account_id, who)
        # Those on messages, which name no person by now, and on links of the person's own.
        await self._redact_clicks(account_id, who)
        details = {name: getattr(report, name) for name in ErasureReport.__slots__}
        # The entry must not name the person; from the number the digest can be computed again.
        about = f"person {digest & 0xFFFF_FFFF_FFFF_FFFF:016x}"

        def note(tx: Tx) -> ErasureReport:
            # Once more: a round that counted had perhaps read of them before.
            tx.activity.forget(account_id, who)
            tx.earnings.forget(account_id, who)
            tx.history.forget(account_id, who)
            tx.erasure.forget_links(account_id, who)
            tx.audit.add(account_id, actor, Action.CONTACTS_ERASED, about, details, self._now())
            return report

        return await self._store.write(guard(note))

    async def _redact_messages(self, account_id: AccountId, who: PhoneNumber) -> int:
        return await self._walk(
            lambda tx, after: tx.erasure.messages_part(account_id, who, after, _PART_ROWS),
            lambda tx, found: tx.erasure.redact_messages(account_id, who, found),
        )

    async def _forget_events(self, account_id: AccountId, who: PhoneNumber) -> int:
        return await self._walk(
            lambda tx, after: tx.erasure.events_part(account_id, who, after),
            lambda tx, found: tx.erasure.forget_events(found),
        )

    async def _redact_clicks(self, account_id: AccountId, who: PhoneNumber) -> int:
        return await self._walk(
            lambda tx, after: tx.erasure.clicks_part(account_id, who, after, _PART_ROWS),
            lambda tx, found: tx.erasure.redact_clicks(account_id, found),
        )

    async def _redact_replies(self, account_id: AccountId, who: PhoneNumber) -> int:
        return await self._walk(
            lambda tx, after: tx.erasure.replies_part(account_id, who, after, _PART_ROWS),
            lambda tx, found: tx.erasure.redact_replies(account_id, found),
        )

    async def _forget_callbacks(self, account_id: AccountId, who: PhoneNumber) -> int:
        refused = await self._walk(
            lambda tx, after: tx.erasure.refused_part(account_id, who, after, _RAW_ROWS),
            lambda tx, found: tx.erasure.forget_refused(found),
        )
        before = self._now() - _APPLIED_WITHIN_MS
        stuck = await self._walk(
            lambda tx, after: tx.erasure.inbox_part(before, account_id, who, after, _RAW_ROWS),
            lambda tx, found: tx.erasure.forget_inbox(found),
        )
        return refused + stuck

    async def _walk(self, part_after: _Walk, change: _Change) -> int:
        """Walk through a table from its beginning; return how many rows were changed."""
        changed = 0
        part = await self._part(part_after, -1)
        while part.last is not None:
            for start in range(0, len(part.found), _REDACTED_AT_ONCE):
                some = part.found[start : start + _REDACTED_AT_ONCE]
                await self._change(change, some)
                changed += len(some)
            await asyncio.sleep(0)
            part = await self._part(part_after, part.last)
        return changed

    async def _part(self, part_after: _Walk, after: int) -> ErasurePart:
        return await self._store.read(lambda tx: part_after(tx, after))

    async def _change(self, change: _Change, some: Sequence[int]) -> None:
        await self._store.write(lambda tx: change(tx, some))


def _withdraw_files(tx: Tx, account_id: AccountId, now: int) -> None:
    """Give up the files that are not brought in yet: any of them may name the person."""
    for upload_id in tx.uploads.waiting(account_id):
        tx.uploads.end(account_id, upload_id, UploadState.FAILED, now, fault=_WITHDRAWN)
