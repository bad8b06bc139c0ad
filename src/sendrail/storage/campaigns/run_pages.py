"""Pages of runs: what is written beside their messages, in one transaction with them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sendrail.domain.campaign_run import CapBounds, RunState
from sendrail.domain.ids import AccountId, RunId
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


class SendTimes(NamedTuple):
    """When campaigns last sent to a number, the latest first: see `domain/campaign_run.py`."""

    account_id: int
    recipient: int
    sends: str


class RunTurn(NamedTuple):
    """What a run had planned when it got its turn."""

    planned: int
    held_out: int
    left_out: Mapping[str, int]
    variants: Mapping[int, int]


class RunStanding(NamedTuple):
    """A run as a claim needs it: before `first_end` it sends in all zones, from `last_end` in none.

    Both are milliseconds.
    """

    run_id: RunId
    state: RunState
    first_end: int
    last_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPageTexts:
    """The statements of `RunPages`."""

    take_turn: Statement
    move_cursor: Statement
    count: Statement
    keep: Statement
    known: Statement
    sends: Statement
    capped: Statement
    note_sends: Statement
    standings: Statement
    remembered: Statement
    forget_members: Statement
    forgotten: Statement
    sends_after: Statement
    forget_sends: Statement


class RunPages:
    """The position of runs, who was in them, and when people were last sent to."""

    def __init__(self, driver: Driver, texts: RunPageTexts) -> None:
        self._driver = driver
        self._texts = texts

    def take_turn(
        self, account_id: AccountId, run_id: RunId, version: int, now: int
    ) -> RunTurn | None:
        """Hold a run for the transaction; None where it runs no more, or with other content.

        Other processes that plan the same run, or pause it, wait for the transaction's end. So does
        any other run of the account: a cap holds for all of them together.
        """
        self._driver.lock(f"campaigns {account_id}")
        found = self._driver.returning(self._texts.take_turn, run_id, account_id, version, now)
        if not found:
            return None
        [(planned, held_out, left_out, variants)] = found
        by_variant = {int(name): count for name, count in json.loads(variants).items()}
        return RunTurn(planned, held_out, json.loads(left_out), by_variant)

    def move_cursor(
        self, account_id: AccountId, run_id: RunId, wave: int, was: int, cursor: int, *, done: bool
    ) -> bool:
        """Move the cursor of a wave; return False where it is elsewhere by now."""
        key = (run_id, wave, account_id, was)
        return self._driver.run(self._texts.move_cursor, *key, cursor, done) == 1

    def count(self, account_id: AccountId, run_id: RunId, turn: RunTurn) -> None:
        """Write what a run has planned by now."""
        variants = {str(variant): count for variant, count in turn.variants.items()}
        counts = (turn.planned, turn.held_out, json.dumps(turn.left_out), json.dumps(variants))
        self._driver.run(self._texts.count, run_id, account_id, *counts)

    def keep(self, run_id: RunId, variant: int, recipients: Sequence[int]) -> None:
        """Keep that numbers were in a run with a variant.

        The key keeps a second message from a number: for one that was in it, this raises.
        """
        self._driver.each_value(self._texts.keep, recipients, run_id, variant)

    def known(self, run_id: RunId, recipients: Collection[int]) -> set[int]:
        """Return which of these numbers were in a run already."""
        keys = [(run_id, each) for each in recipients]
        return {row[0] for row in self._driver.rows_by_key(self._texts.known, keys)}

    def sends(self, account_id: AccountId, recipients: Collection[int]) -> dict[int, str]:
        """Return when campaigns last sent to numbers; see `domain/campaign_run.py`."""
        asked = self._driver.array(recipients)
        return dict(self._driver.rows(self._texts.sends, account_id, asked))  # type: ignore[arg-type]

    def capped(
        self, account_id: AccountId, recipients: Collection[int], bounds: CapBounds
    ) -> set[int]:
        """Return which of these numbers must not get another message of a campaign."""
        asked = self._driver.array(recipients)
        rows = self._driver.rows(self._texts.capped, account_id, asked, *bounds)
        return {row[0] for row in rows}

    def note_sends(self, account_id: AccountId, recipients: Sequence[int], send: str) -> None:
        """Note that a campaign sends to numbers now."""
        self._driver.each_value(self._texts.note_sends, sorted(recipients), account_id, send)

    def standings(self, origin_ids: Collection[int]) -> dict[int, RunStanding]:
        """Return how those of these origins stand that are runs."""
        keys = [(each,) for each in sorted(origin_ids)]
        return {
            row[0]: RunStanding(RunId(row[1]), RunState(row[2]), *row[3:])
            for row in self._driver.rows_by_key(self._texts.standings, keys)
        }

    # Forgotten

    def forget_members(self, ended_before: int, limit: int) -> int:
        """Delete at most so many of who was in a run that ended before a time; return how many.

        The run that ended first comes first. Its counts stay.
        """
        row = self._driver.row(self._texts.remembered, ended_before)
        if row is None:
            return 0
        run_id, account_id = row
        gone = self._driver.run(self._texts.forget_members, run_id, limit)
        if gone == limit:
            return gone
        # That it is noted counts as well: there may be another run.
        return gone + self._driver.run(self._texts.forgotten, run_id, account_id)

    def sends_after(self, place: tuple[int, int], limit: int) -> list[SendTimes]:
        """Return the send times of the numbers behind an account's number, in their order."""
        rows = self._driver.rows(self._texts.sends_after, *place, limit)
        return [SendTimes(*row) for row in rows]

    def forget_sends(self, old: Sequence[SendTimes]) -> int:
        """Delete send times unless there are new ones by now; return how many that were."""
        return self._driver.each(self._texts.forget_sends, sorted(old))
