"""A PostgreSQL database with as many messages as one asks for, filled by the server itself.

Message n belongs to list n mod `LISTS` and was created n steps after `BEGAN`, so that the messages
lie evenly in `WEEKS` weeks. The last tenth waits; of those before, some are under way or uncertain,
and every fourth has an attempt and a reference.
"""

import asyncio

import asyncpg
import postgres

from sendrail.domain.ids import LANES
from sendrail.storage.postgres.partitions import WEEK_MS, week_of

LISTS, WEEKS = 64, 4
BEGAN = week_of(1_800_000_000_000)
ENDED = BEGAN + WEEKS * WEEK_MS
RECIPIENT = 15_550_000_000
PER_LIST = f"n % {LISTS} + 1"
LANE = f"(({PER_LIST}) * 61 % {LANES})"
NUMBER = f"(n / {LISTS} * {LANES} + {LANE})"

_MESSAGES = """
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, status, attempt,
        epoch, skips, resent, segments, encoding, body, connector_id, carrier_ref, sending_at,
        sent_at, ended_at)
    SELECT {number}, {lane}, 1, {list}, {recipient} + n, {began} + n * {step},
        status, (status <> 'queued')::int, (status <> 'queued')::int, 0, 0, 1, 'gsm7', 'Hello',
        CASE WHEN status <> 'queued' THEN 1 END, CASE WHEN status = 'delivered' THEN 'r' || n END,
        CASE WHEN status <> 'queued' THEN {began} END, NULL,
        CASE WHEN status = 'delivered' THEN {began} END
    FROM (SELECT n, CASE WHEN n >= {waiting} THEN 'queued' WHEN n % 1000 = 1 THEN 'sending'
        WHEN n % 1000 = 2 THEN 'uncertain' ELSE 'delivered' END AS status
        FROM generate_series(0::bigint, {count} - 1) AS n) AS new
"""
# The queue's slices are all in use, as after some turns.
_QUEUE = """
    INSERT INTO queue (slice, lane, list_id, rank, due_at, number)
    SELECT n / 64 % 4, {lane}, {list}, 1, {began} + n * {step}, {number}
    FROM generate_series({waiting}::bigint, {count} - 1) AS n
"""
_ATTEMPTS = """
    INSERT INTO attempts (number, attempt, lane, connector_id, epoch, started_at, ended_at, outcome)
    SELECT {number}, 1, {lane}, 1, 1, {began} + n * {step}, {began} + n * {step}, 'submitted'
    FROM generate_series(0::bigint, {waiting} - 1, 4) AS n
"""
# The lane of a reference stands for what the code makes of its text.
_REFS = """
    INSERT INTO carrier_refs (lane, connector_id, carrier_ref, message_lane, number, told, kept_at)
    SELECT n % {lanes}, 1, 'r' || n, {lane}, {number}, false, {began} + n * {step}
    FROM generate_series(0::bigint, {waiting} - 1, 4) AS n
"""
# What stands beside the messages, for one n of ten.
_BESIDE = """
    INSERT INTO list_contacts SELECT {list}, {recipient} + n, n % 3 > 0, '', '', 0, NULL, NULL;
    INSERT INTO blocks SELECT 1, {recipient} + n, '', 0;
    INSERT INTO enrolments (lane, list_id, recipient, journey_id, started_at, ends_at, due_at)
        SELECT {lane}, {list}, {recipient} + n, 1, 0, {ended},
            CASE WHEN n % 4 > 0 THEN {began} + n * {step} END;
    INSERT INTO journey_events SELECT {list}, {recipient} + n, 1, '', {began}, {lane};
    INSERT INTO fingerprints SELECT {lane}, n * 9176543210987 % 9007199254740881, {number},
        {began} + n * {step};
    INSERT INTO destinations (account_id, digest, url, created_at)
        SELECT 1, ('d' || n)::bytea, 'https://a.example/', 0;
    INSERT INTO origins (account_id, kind, of_id, version, part, offers)
        SELECT 1, 'run', n / 4, 1, n % 4, '';
    INSERT INTO origin_counts (lane, origin_id, list_id, hour, what, shard, n, segments, amount)
        SELECT {lane}, n / 64, {list}, n, 'sent', 0, 1, 1, 0;
    INSERT INTO cohort_counts SELECT {list}, n, 0, 'sends', 0, 1, 0;
    INSERT INTO signup_counts SELECT {list}, n, 0, 1;
    INSERT INTO contact_counts SELECT {list}, {recipient} + n, 0, 'clicks', 1, 0;
    INSERT INTO runs (account_id, schedule_id, local_date, state, content, version, due_at, ends_at,
        turn_at, planned, held_out, left_out, variants, remembers, ended_at)
        SELECT 1, n, '', 'running', '', 1, n, n, n, 0, 0, '{{}}', '{{}}', n % 2 = 0, n;
    INSERT INTO run_waves
        (run_id, wave, account_id, due_at, ends_at, ranges, is_rest, cursor, done)
        SELECT n, 0, 1, 0, 0, '[]', false, 0, false;
    INSERT INTO run_recipients SELECT 1 + n % 4, {recipient} + n, 1;
    INSERT INTO campaign_sends SELECT 1, {recipient} + n, '';
    INSERT INTO agents (digest, text, seen_on) SELECT ('d' || n)::bytea, ('a' || n)::bytea, 1;
    INSERT INTO link_ranges SELECT n * 4096, {lane}, {number}, 1, 4, {began};
    INSERT INTO clicks (lane, id, account_id, number, position, at, click_class, reason, agent_id,
            digest, waits)
        SELECT {lane}, n::bigint * {lanes} + {lane}, 1, {number}, 0, {began} + n, 1, 0, 1,
            'd'::bytea, n < 20;
    INSERT INTO message_clicks (lane, number, account_id, at, position, offer_id, clicks,
            human_clicks, made_at)
        SELECT {lane}, {number}, 1, {began} + n, 0, n % 8, 1, 1, {began} + n * {step};
    INSERT INTO short_links (account_id, list_id, destination_id, created_at, clicks, human_clicks)
        SELECT 1, 1, 1, 0, 0, 0;
    INSERT INTO idempotency SELECT 1, 'k' || n, '', '', 200, '', {began} + n;
    INSERT INTO inbox (lane, id, connector_id, received_at, raw) SELECT n % 2 + 1, n * {lanes} + n %
        2 + 1, n % 2 + 1, {began}, '';
    INSERT INTO parked_receipts (lane, id, connector_id, carrier_ref, detail, received_at) SELECT n
        % {lanes}, n * {lanes} + n % {lanes}, 1, CASE n % 2 WHEN 0 THEN 'r' ELSE 'p' END || n,
        '', {began} + n;
    INSERT INTO replies (account_id, list_id, sender, body, received_at, review) SELECT 1,
        {list}, {recipient} + n, '', {began}, false;
    INSERT INTO reply_refs SELECT 1, 'i' || n, {began} + n;
    INSERT INTO reply_parts
        SELECT 1, {recipient} + n, 1, 1, 2, 1, '', NULL, NULL, false, false, {began} + n;
    INSERT INTO recipient_troubles SELECT {list}, {recipient} + n, {number}, {began} + n;
    INSERT INTO outbox (lane, id, endpoint_id, kind, ref, at, due_at, told, attempts, retries)
        SELECT n % 8 + 1, n * {lanes} + n % 8 + 1, n % 8 + 1, 'delivery', {number}, {began} +
        n, CASE n % 2 WHEN 0 THEN {began} + n END, false, 0, 0;
    INSERT INTO webhook_attempts SELECT n * {lanes} + n % 8 + 1, 1, n % 8 + 1, 0, 0, 'told',
        200, '';
"""
_SETTINGS = """
    INSERT INTO accounts (id, name, status, blocked_words, created_at) VALUES (1, 'us',
        'active', '', 0);
    INSERT INTO connectors (id, name, kind, settings, "window", version) VALUES (1, 'sandbox',
        'simulator', '', 9, 1), (2, 'other', 'simulator', '', 9, 1);
    INSERT INTO lists (id, lane, account_id, number, name, brand, status, rate, connector_id, byoc,
        on_uncertain, created_at) SELECT {list}, {lane}, 1, n, '', '', 'active', 60, 1, false,
        'hold', 0 FROM generate_series(0::bigint, {lists} - 1) AS n;
    INSERT INTO webhook_endpoints (account_id, name, url, events, state, secret, created_at)
        SELECT 1, '', '', 'delivery', 'active', '', 0 FROM generate_series(1, 8) AS n;
"""
# What is numbered goes on behind what is there.
_NUMBERS = "SELECT setval('inbox_numbers', {count}), setval('outbox_numbers', {count})"
_NEVER_ANALYSED = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT relname FROM pg_class AS c JOIN pg_namespace AS n
            ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'
        LOOP EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name); END LOOP;
    END $$
"""


def fill(url, count, *, analysed=False):
    """Make our schema in an empty database, and fill it."""
    postgres.make_tables(url, weeks_from=BEGAN)
    asyncio.run(_fill(url, count, analysed))


async def _fill(url, count, analysed):
    values = {
        "number": NUMBER,
        "lane": LANE,
        "list": PER_LIST,
        "lists": LISTS,
        "lanes": LANES,
        "recipient": RECIPIENT,
        "began": BEGAN,
        "ended": ENDED,
        "step": WEEKS * WEEK_MS // count,
        "count": count,
        "waiting": waiting_from(count),
        "some": count // 10,
    }
    connection = await asyncpg.connect(url)
    try:
        if not analysed:
            await connection.execute(_NEVER_ANALYSED)
        beside = _BESIDE.replace(";", " FROM generate_series(0::bigint, {some} - 1) AS n;")
        for each in (_SETTINGS, _MESSAGES, _QUEUE, _ATTEMPTS, _REFS, beside, _NUMBERS):
            await connection.execute(each.format(**values))
    finally:
        await connection.close()


def waiting_from(count):
    """Return the first message that waits."""
    return count - count // 10


def lane(n):
    return (n % LISTS + 1) * 61 % LANES


def number(n):
    return n // LISTS * LANES + lane(n)


def list_id(n):
    return n % LISTS + 1


def created_at(n, count):
    return BEGAN + n * (WEEKS * WEEK_MS // count)
