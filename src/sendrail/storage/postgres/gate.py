"""The hot statements of the way in: what the gate asks, numbers, the duplicate window, messages.

Keys come as arrays, so that a statement is the same for any number of them. Where rows are written
by key, the arrays are sorted: two processes then never wait for each other in a circle.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sendrail.domain.delivery import RANK_AHEAD, RANK_PACED
from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import LANES
from sendrail.domain.message import Skip
from sendrail.domain.sender import SendingList
from sendrail.storage.hot import sending_list
from sendrail.storage.postgres.driver import Driver, Rows, columns
from sendrail.storage.rows import Caller, Fingerprint, KeptAnswer, KnownContact, MessageRow

CALLERS_BY_KEY: Final = """
    SELECT k.digest, a.id, a.status = 'active', a.blocked_words FROM api_keys AS k
    JOIN accounts AS a ON a.id = k.account_id
    WHERE k.digest = ANY($1::bytea[]) AND k.revoked_at IS NULL
"""
CALLERS_BY_ACCOUNT: Final = """
    SELECT id, status = 'active', blocked_words FROM accounts WHERE id = ANY($1::bigint[])
"""
_LIST: Final = """
    SELECT l.id, l.lane, l.account_id, l.number, l.name, l.brand, l.status, l.rate, l.link_id,
           l.byoc, l.verified_at, l.on_uncertain, l.created_at, l.second_link_id
    FROM lists AS l
"""
LISTS_BY_ID: Final = _LIST + " WHERE l.id = ANY($1::bigint[])"
LISTS_BY_NUMBER: Final = (
    _LIST
    + """
    JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (account_id, number)
        ON l.account_id = wanted.account_id AND l.number = wanted.number
"""
)
# Nearly always nobody is found: three looks by key, whose answers are empty.
UNREACHABLE: Final = """
    SELECT recipient, 0 FROM list_contacts
    WHERE list_id = $2 AND recipient = ANY($3::bigint[]) AND NOT active
    UNION ALL
    SELECT recipient, 1 FROM blocks WHERE account_id = $1 AND recipient = ANY($3::bigint[])
    UNION ALL
    SELECT recipient, 2 FROM enrolments
    WHERE list_id = $2 AND recipient = ANY($3::bigint[]) AND ends_at > $4
    UNION ALL
    (SELECT 0, 3 FROM erased WHERE account_id = $1 LIMIT 1)
"""
# Asked only where the account has erased people: who they are, and who has come back since.
ERASED: Final = """
    SELECT digest FROM erased WHERE account_id = $1 AND digest = ANY($2::bigint[])
"""
ACTIVE: Final = """
    SELECT recipient FROM list_contacts
    WHERE list_id = $1 AND recipient = ANY($2::bigint[]) AND active
"""
BLOCKED: Final = """
    SELECT recipient FROM blocks WHERE account_id = $1 AND recipient = ANY($2::bigint[])
"""
# The row is there before the request is judged: whoever comes second waits here for the first.
PROMISE: Final = """
    INSERT INTO idempotency (account_id, key, route, body_digest, status, answer, created_at)
    SELECT account_id, key, '', '', 0, '', 0
    FROM unnest($1::bigint[], $2::text[]) AS wanted (account_id, key)
    ORDER BY account_id, key
    ON CONFLICT DO NOTHING RETURNING account_id, key
"""
KEPT_ANSWERS: Final = """
    SELECT i.account_id, i.key, i.route, i.body_digest, i.status, i.answer
    FROM unnest($1::bigint[], $2::text[]) AS wanted (account_id, key)
    JOIN idempotency AS i ON i.account_id = wanted.account_id AND i.key = wanted.key
"""
KEEP_ANSWER: Final = """
    INSERT INTO idempotency (account_id, key, route, body_digest, status, answer, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (account_id, key) DO UPDATE SET route = excluded.route,
        body_digest = excluded.body_digest, status = excluded.status, answer = excluded.answer,
        created_at = excluded.created_at
"""
BREAK_PROMISES: Final = """
    DELETE FROM idempotency AS i
    USING unnest($1::bigint[], $2::text[]) AS broken (account_id, key)
    WHERE i.account_id = broken.account_id AND i.key = broken.key AND i.status = 0
"""
FORGET_ANSWERS: Final = """
    WITH old AS MATERIALIZED (
        SELECT account_id, key FROM idempotency WHERE created_at < $1
        LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM idempotency AS i USING old WHERE i.account_id = old.account_id AND i.key = old.key
"""

RESERVE: Final = """
    INSERT INTO numbers (lane, last) VALUES ($1, $2)
    ON CONFLICT (lane) DO UPDATE SET last = numbers.last + $2 RETURNING last
"""
# What is not returned was accepted within the window: by us, or by whoever we waited for.
REMEMBER: Final = """
    INSERT INTO fingerprints AS f (lane, fingerprint, number, at)
    SELECT lane, fingerprint, number, $4
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS new (lane, fingerprint, number)
    ORDER BY lane, fingerprint
    ON CONFLICT (lane, fingerprint) DO UPDATE SET number = excluded.number, at = excluded.at
        WHERE f.at <= $5
    RETURNING lane, fingerprint
"""
EARLIER: Final = """
    SELECT f.lane, f.fingerprint, f.number
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, fingerprint)
    JOIN fingerprints AS f ON f.lane = wanted.lane AND f.fingerprint = wanted.fingerprint
    WHERE f.at > $3
"""
# By their lanes: an index of their own by time would be one more to write for every message.
FORGET_FINGERPRINTS: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, fingerprint FROM fingerprints
        WHERE lane >= $2::smallint AND lane < $3::smallint AND at < $1
        LIMIT $4 FOR UPDATE SKIP LOCKED)
    DELETE FROM fingerprints AS f USING old
    WHERE f.lane = old.lane AND f.fingerprint = old.fingerprint
"""
INSERT_MESSAGES: Final = f"""
    WITH accepted AS (
        INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,
            segments, encoding, body, metadata, status, attempt, epoch, resent)
        SELECT new.*, 'queued', 0, 0, 0
        FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],
            $6::bigint[], $7::smallint[], $8::smallint[], $9::text[], $10::text[], $11::text[])
            AS new
        RETURNING number, lane, list_id, created_at, skips)
    INSERT INTO queue (slice, lane, list_id, rank, due_at, number)
    SELECT (SELECT current FROM queue_slices), lane, list_id,
        CASE WHEN skips & {Skip.RATE_LIMIT.value} <> 0 THEN {RANK_AHEAD} ELSE {RANK_PACED} END,
        coalesce($12, created_at), number
    FROM accepted
"""

_WIDTH: Final = 11
# What UNREACHABLE says of the account, not of a recipient.
_ANY_ERASED: Final = 3


class Gate:
    """The facts the gate judges by."""

    def __init__(self, driver: Driver, pseudonyms: Pseudonyms) -> None:
        self._driver = driver
        self._pseudonyms = pseudonyms
        # Keys whose row is there, empty, since this transaction looked for them.
        self._promised: set[tuple[int, str]] = set()

    def callers(self, digests: Iterable[bytes]) -> dict[bytes, Caller]:
        if not (wanted := list(digests)):
            return {}
        rows = self._driver.rows(CALLERS_BY_KEY, wanted)
        return {row[0]: Caller(row[1], row[2], row[3]) for row in rows}

    def accounts(self, account_ids: Iterable[int]) -> dict[int, Caller]:
        if not (wanted := list(account_ids)):
            return {}
        rows = self._driver.rows(CALLERS_BY_ACCOUNT, wanted)
        return {row[0]: Caller(row[0], row[1], row[2]) for row in rows}

    def lists(self, numbers: Iterable[tuple[int, int]]) -> dict[tuple[int, int], SendingList]:
        rows = self._driver.rows(LISTS_BY_NUMBER, *columns(list(numbers), 2))
        return {(row[2], row[3]): sending_list(row) for row in rows}

    def lists_by_id(self, list_ids: Iterable[int]) -> dict[int, SendingList]:
        rows = self._driver.rows(LISTS_BY_ID, list(list_ids))
        return {row[0]: sending_list(row) for row in rows}

    def known_contacts(
        self, account_id: int, list_id: int, recipients: Sequence[int], now: int
    ) -> dict[int, KnownContact]:
        known: dict[int, KnownContact] = {}
        nobody = KnownContact()
        any_erased = False
        for recipient, which in self._driver.rows(
            UNREACHABLE, account_id, list_id, list(recipients), now
        ):
            if which == _ANY_ERASED:
                any_erased = True
                continue
            facts = list(known.get(recipient, nobody))
            facts[which] = True
            known[recipient] = KnownContact(*facts)
        if any_erased:
            for recipient in self._erased(account_id, list_id, recipients):
                known[recipient] = known.get(recipient, nobody)._replace(unsubscribed=True)
        return known

    def _erased(self, account_id: int, list_id: int, recipients: Sequence[int]) -> set[int]:
        """Return whose data was deleted and who has not come back to the list."""
        by_digest = {self._pseudonyms.of(recipient): recipient for recipient in recipients}
        rows = self._driver.rows(ERASED, account_id, list(by_digest))
        if not rows:
            return set()
        away = {by_digest[row[0]] for row in rows}
        return away - {row[0] for row in self._driver.rows(ACTIVE, list_id, list(away))}

    def blocked(self, account_id: int, recipients: Sequence[int]) -> set[int]:
        return {row[0] for row in self._driver.rows(BLOCKED, account_id, list(recipients))}

    def kept_answers(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KeptAnswer]:
        """Return what was answered under these keys, after whoever is at one of them is done."""
        wanted = list(keys)
        rows = self._driver.rows(PROMISE, *columns(wanted, 2))
        new = {(row[0], row[1]) for row in rows}
        self._promised |= new
        old = [key for key in wanted if key not in new]
        kept = self._driver.rows(KEPT_ANSWERS, *columns(old, 2)) if old else ()
        return {(row[0], row[1]): KeptAnswer(*row[2:]) for row in kept}

    def keep_answer(self, account_id: int, key: str, answer: KeptAnswer, now: int) -> None:
        self._promised.discard((account_id, key))
        self._driver.run(KEEP_ANSWER, account_id, key, *answer, now)

    def end(self) -> None:
        """Take back, at the transaction's end, the keys under which nothing was answered."""
        if self._promised:
            self._driver.run(BREAK_PROMISES, *columns(list(self._promised), 2))
            self._promised.clear()

    def forget_answers(self, before: int, limit: int) -> int:
        return self._driver.run(FORGET_ANSWERS, before, limit)


class Messages:
    """Messages coming in."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def reserve_in(self, lane: int, count: int) -> int:
        """Return the first of `count` new numbers of a lane; each next one is `LANES` further."""
        row = self._driver.row(RESERVE, lane, count)
        assert row is not None, "the statement returns what it wrote"
        return int(row[0] - count + 1) * LANES + lane

    def remember(
        self, fingerprints: Sequence[Fingerprint], now: int, unless_since: int
    ) -> dict[tuple[int, int], int]:
        """Note messages, each fingerprint once; return the numbers of those seen before.

        A fingerprint that was noted later than `unless_since` stays as it is.
        """
        if not fingerprints:
            return {}
        rows = self._note(columns(fingerprints, 3), now, unless_since)
        if len(rows) == len(fingerprints):
            return {}
        new = {(row[0], row[1]) for row in rows}
        return self.earlier(
            [each for each in fingerprints if (each[0], each[1]) not in new], unless_since
        )

    def _note(self, wanted: Sequence[Sequence[Any]], now: int, unless_since: int) -> Rows:
        """Note messages; return the fingerprints of those that were not seen before."""
        return self._driver.rows(REMEMBER, *wanted, now, unless_since)

    def earlier(
        self, fingerprints: Sequence[Fingerprint], since: int
    ) -> dict[tuple[int, int], int]:
        """Return the numbers of the messages with these fingerprints that were noted since then."""
        if not fingerprints:
            return {}
        lanes, prints, _ = columns(fingerprints, 3)
        return {
            (row[0], row[1]): row[2] for row in self._driver.rows(EARLIER, lanes, prints, since)
        }

    def insert(self, rows: Sequence[MessageRow], due_at: int | None = None) -> None:
        """Insert messages and queue them, at once unless `due_at` says when."""
        if rows:
            self._driver.run(INSERT_MESSAGES, *columns(rows, _WIDTH), due_at)
