"""The hot statements of the way in: what the gate asks, numbers, the duplicate window, messages.

Keys come as arrays, so that a statement is the same for any number of them. Where rows are written
by key, the arrays are sorted: two processes then never wait for each other in a circle.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, Final

import msgspec

from sendrail.domain.delivery import RANK_AHEAD, RANK_PACED
from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import LANES
from sendrail.domain.message import Skip
from sendrail.domain.sender import SendingList
from sendrail.storage.postgres.driver import Driver, Rows, columns
from sendrail.storage.rows import (
    Asked,
    Caller,
    Fingerprint,
    Found,
    KeptAnswer,
    KnownContact,
    MessageRow,
)
from sendrail.storage.sqlite.gate import sending_list

CALLERS_BY_KEY: Final = """
    SELECT k.digest, a.id, a.status = 'active', a.blocked_words FROM api_keys AS k
    JOIN accounts AS a ON a.id = k.account_id
    WHERE k.digest = ANY($1::bytea[]) AND k.revoked_at IS NULL
"""
CALLERS_BY_ACCOUNT: Final = """
    SELECT id, status = 'active', blocked_words FROM accounts WHERE id = ANY($1::bigint[])
"""
_LIST_COLUMNS: Final = """
    l.id, l.lane, l.account_id, l.number, l.name, l.brand, l.status, l.rate, l.connector_id, l.byoc,
    l.verified_at, l.on_uncertain, l.created_at, l.second_connector_id, l.sender_name"""
_LIST: Final = f"SELECT {_LIST_COLUMNS} FROM lists AS l"
LISTS_BY_ID: Final = _LIST + " WHERE l.id = ANY($1::bigint[])"
LISTS_BY_NUMBER: Final = (
    _LIST
    + """
    JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (account_id, number)
        ON l.account_id = wanted.account_id AND l.number = wanted.number
"""
)
# What speaks against texting somebody. Nearly always nobody is found: looks by key, all empty.
_UNREACHABLE: Final = """
    SELECT recipient, 0 AS which FROM list_contacts
    WHERE list_id = {list_id} AND recipient = ANY({recipients}) AND NOT active
    UNION ALL
    SELECT recipient, 1 FROM blocks
    WHERE account_id = {account_id} AND recipient = ANY({recipients})
    UNION ALL
    SELECT recipient, 2 FROM enrolments
    WHERE list_id = {list_id} AND recipient = ANY({recipients}) AND ends_at > {now}
    UNION ALL
    (SELECT 0, 3 FROM erased WHERE account_id = {account_id} LIMIT 1)
"""
UNREACHABLE: Final = _UNREACHABLE.format(
    account_id="$1", list_id="$2", recipients="$3::bigint[]", now="$4"
)
_UNREACHABLE_OF_ASKED: Final = _UNREACHABLE.format(
    account_id="a.id", list_id="l.id", recipients="($6::bigint[])[w.first:w.last]", now="$7"
)
# All that the gate asks about at once: a row for each who asks and is known, and for each whom
# something speaks against.
FIND: Final = f"""
    SELECT w.ask, a.id, a.status = 'active', a.blocked_words, who.recipient, who.which,
        {_LIST_COLUMNS}
    FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::int[], $5::int[])
        WITH ORDINALITY AS w (digest, account_id, number, first, last, ask)
    LEFT JOIN api_keys AS k ON k.digest = w.digest AND k.revoked_at IS NULL
    JOIN accounts AS a ON a.id = coalesce(k.account_id, w.account_id)
    LEFT JOIN lists AS l ON l.account_id = a.id AND l.number = w.number
    LEFT JOIN LATERAL ({_UNREACHABLE_OF_ASKED}) AS who ON true
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
# As JSON: the driver takes half the time for one text that it takes for a dozen arrays.
_NEW: Final = """
    WITH new AS MATERIALIZED (
        SELECT * FROM json_to_recordset($1::json) AS new (number bigint, lane smallint,
            account_id bigint, list_id bigint, recipient bigint, created_at bigint, skips smallint,
            segments smallint, encoding text, body text, metadata text, fingerprint bigint))
"""
_ACCEPTED: Final = """
    accepted AS (
        INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,
            segments, encoding, body, metadata, status, attempt, epoch, resent)
        SELECT number, lane, account_id, list_id, recipient, created_at, skips, segments, encoding,
            body, metadata, 'queued', 0, 0, 0
        FROM new WHERE {which}
        RETURNING number, lane, list_id, created_at, skips)
"""
# For whoever counts what was sent to whom: a row for each lane, however many messages.
_NEWS: Final = """
    news AS (
        INSERT INTO activity_news (lane, number, numbers)
        SELECT lane, min(number), array_agg(number) FROM accepted GROUP BY lane)
"""
_QUEUED: Final = f"""
    INSERT INTO queue (slice, lane, list_id, rank, due_at, number)
    SELECT (SELECT current FROM queue_slices), lane, list_id,
        CASE WHEN skips & {Skip.RATE_LIMIT.value} <> 0 THEN {RANK_AHEAD} ELSE {RANK_PACED} END,
        coalesce({{due_at}}, created_at), number
    FROM accepted
"""
INSERT_MESSAGES: Final = f"""
    {_NEW}, {_ACCEPTED.format(which="true")}, {_NEWS}
    {_QUEUED.format(due_at="$2")}
"""
# What is returned was accepted within the window already: by us, or by whoever we waited for. The
# way it looks for the noted has them hashed, where a join would compare all with all.
INSERT_NEW: Final = f"""
    {_NEW}, noted AS (
        INSERT INTO fingerprints AS f (lane, fingerprint, number, at)
        SELECT lane, fingerprint, number, created_at FROM new ORDER BY lane, fingerprint
        ON CONFLICT (lane, fingerprint) DO UPDATE SET number = excluded.number, at = excluded.at
            WHERE f.at <= $2 OR excluded.number = ANY($3::bigint[])
        RETURNING number),
    {_ACCEPTED.format(which="(number IN (SELECT number FROM noted)) IS TRUE")}, {_NEWS},
    queued AS ({_QUEUED.format(due_at="NULL::bigint")})
    SELECT number FROM new WHERE (number IN (SELECT number FROM noted)) IS NOT TRUE
"""

_json: Final = msgspec.json.Encoder().encode
# What UNREACHABLE says of the account, not of a recipient.
_ANY_ERASED: Final = 3


class _New(msgspec.Struct):
    """A message on its way in, as the statements read it; its columns as in `MessageRow`."""

    number: int
    lane: int
    account_id: int
    list_id: int
    recipient: int
    created_at: int
    skips: int
    segments: int
    encoding: str
    body: str
    metadata: str | None
    fingerprint: int | None = None


class Gate:
    """The facts the gate judges by."""

    def __init__(self, driver: Driver, pseudonyms: Pseudonyms) -> None:
        self._driver = driver
        self._pseudonyms = pseudonyms
        # Keys whose row is there, empty, since this transaction looked for them.
        self._promised: set[tuple[int, str]] = set()

    def find(self, asked: Sequence[Asked], now: int) -> list[Found]:
        found = [Found(None, None, {})] * len(asked)
        against: dict[int, list[tuple[int, int]]] = {}
        for row in self._driver.rows(FIND, *_arrays(asked), now):
            at = row[0] - 1
            if found[at].caller is None:
                sender = None if row[6] is None else sending_list(row[6:])
                found[at] = Found(Caller(row[1], row[2], row[3]), sender, {})
            if row[5] is not None:
                against.setdefault(at, []).append((row[4], row[5]))
        for at, rows in against.items():
            caller, sender, known = found[at]
            if caller is not None and sender is not None:
                known |= self._known(caller.account_id, sender.id, asked[at].recipients, rows)
        return found

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
        rows = self._driver.rows(UNREACHABLE, account_id, list_id, list(recipients), now)
        return self._known(account_id, list_id, recipients, rows)

    def _known(
        self, account_id: int, list_id: int, recipients: Sequence[int], rows: Rows
    ) -> dict[int, KnownContact]:
        known: dict[int, KnownContact] = {}
        nobody = KnownContact()
        any_erased = False
        for recipient, which in rows:
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

    def insert_new(
        self,
        rows: Sequence[MessageRow],
        fingerprints: Sequence[int],
        since: int,
        forced: Sequence[int] = (),
    ) -> dict[Fingerprint, int]:
        """See `interface.ClusterWriters`."""
        if not rows:
            return {}
        known = self._note_and_insert(rows, fingerprints, since, forced)
        if not known:
            return {}
        kept_out = [
            (row[1], fingerprint)
            for row, fingerprint in zip(rows, fingerprints, strict=True)
            if row[0] in known
        ]
        return dict.fromkeys(kept_out, 0) | self._who_was_first(kept_out, since)

    def _note_and_insert(
        self,
        rows: Sequence[MessageRow],
        fingerprints: Sequence[int],
        since: int,
        forced: Sequence[int],
    ) -> set[int]:
        """Note and insert what is new; return the numbers of what is not."""
        new = [_New(*row, each) for row, each in zip(rows, fingerprints, strict=True)]
        known = self._driver.rows(INSERT_NEW, _json(new).decode(), since, list(forced))
        return {number for (number,) in known}

    def _who_was_first(
        self, fingerprints: Sequence[Fingerprint], since: int
    ) -> dict[Fingerprint, int]:
        try:
            return self.earlier(fingerprints, since)
        except Exception:
            if self._driver.is_begun:
                raise
            # Those beside them are stored for good, and must be told so.
            return {}

    def earlier(self, fingerprints: Sequence[Fingerprint], since: int) -> dict[Fingerprint, int]:
        """See `interface.ClusterWriters`."""
        if not fingerprints:
            return {}
        rows = self._driver.rows(EARLIER, *columns(fingerprints, 2), since)
        return {(row[0], row[1]): row[2] for row in rows}

    def insert(self, rows: Sequence[MessageRow], due_at: int | None = None) -> None:
        """Insert messages and queue them, at once unless `due_at` says when."""
        if rows:
            new = [_New(*row) for row in rows]
            self._driver.run(INSERT_MESSAGES, _json(new).decode(), due_at)


def _arrays(asked: Sequence[Asked]) -> list[list[Any]]:
    """Turn what is asked into arrays: one of all recipients, and where each asker's are in it."""
    whos, numbers, recipients = zip(*asked, strict=True)
    ends = list(accumulate(map(len, recipients)))
    return [
        [who if isinstance(who, bytes) else None for who in whos],
        [who if isinstance(who, int) else None for who in whos],
        list(numbers),
        [end - len(some) + 1 for end, some in zip(ends, recipients, strict=True)],
        ends,
        list(chain.from_iterable(recipients)),
    ]
