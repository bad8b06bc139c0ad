"""An embedded database with as many messages as one asks for, in memory, filled by SQLite itself.

Message n has the number n and belongs to list n mod `LISTS`. The last tenth waits; of those before,
some are under way or uncertain, and every fourth has an attempt and a reference. What stands beside
the messages is a tenth of them.
"""

import sqlite3

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import lane_of
from sendrail.storage.interface import Hints
from sendrail.storage.sqlite.transaction import SqliteTx
from sendrail.storage.tables import metadata

LISTS, CONNECTORS = 64, 2
BEGAN = 1_800_000_000_000
RECIPIENT = 15_550_000_000

_LIST = f"(n % {LISTS} + 1)"
_LANE = f"lane_of({_LIST})"
_SETTINGS = f"""
    INSERT INTO accounts (id, name, status, blocked_words, created_at)
        VALUES (1, 'us', 'active', '', 0);
    INSERT INTO api_keys (id, account_id, digest, shown, name, created_at)
        VALUES (1, 1, x'01', '', '', 0);
    INSERT INTO connectors (id, name, kind, settings, "window", version)
        SELECT n + 1, 'connector ' || n, 'simulator', x'', 9, 1 FROM n WHERE n < {CONNECTORS};
    INSERT INTO lists (id, lane, account_id, number, name, brand, status, rate, connector_id, byoc,
        on_uncertain, created_at)
        SELECT {_LIST}, {_LANE}, 1, n, '', '', 'active', 60, 1, 0, 'hold', 0
        FROM n WHERE n < {LISTS};
    INSERT INTO webhook_endpoints (account_id, name, url, events, state, secret, created_at)
        SELECT 1, '', '', 'delivery,reply', 'active', x'', 0 FROM n WHERE n < 8;
    INSERT INTO journeys (id, list_id, name, created_at) VALUES (1, 1, 'welcome', 0);
    INSERT INTO leases VALUES ('delivery', 'us', 1, 0);
"""  # fmt: skip
_MESSAGES = f"""
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, status, attempt,
        epoch, skips, resent, segments, encoding, body, connector_id, carrier_ref, sending_at,
        ended_at)
        SELECT n, {_LANE}, 1, {_LIST}, {RECIPIENT} + n, {BEGAN} + n, status, status <> 'queued',
            status <> 'queued', 0, 0, 1, 'gsm7', 'Hello', CASE WHEN status <> 'queued' THEN 1 END,
            CASE WHEN status = 'delivered' AND n % 4 = 0 THEN 'r' || n END,
            CASE WHEN status <> 'queued' THEN {BEGAN} + n END,
            CASE WHEN status = 'delivered' THEN {BEGAN} + n END
        FROM (SELECT n, CASE WHEN n >= :waiting THEN 'queued'
            WHEN n < 200 AND n % 4 = 1 THEN 'sending' WHEN n < 200 AND n % 4 = 2 THEN 'uncertain'
            ELSE 'delivered' END AS status FROM n);
    INSERT INTO queue SELECT {_LANE}, {_LIST}, 1, {BEGAN} + n, n FROM n WHERE n >= :waiting;
    INSERT INTO attempts (number, attempt, lane, connector_id, epoch, started_at, ended_at, outcome)
        SELECT n, 1, {_LANE}, 1, 1, {BEGAN} + n, {BEGAN} + n, 'submitted'
        FROM n WHERE n < :waiting AND n % 4 = 0;
    INSERT INTO carrier_refs (connector_id, carrier_ref, lane, number)
        SELECT 1, 'r' || n, {_LANE}, n FROM n WHERE n < :waiting AND n % 4 = 0;
    INSERT INTO counters VALUES ('message', :count);
"""
_BESIDE = f"""
    INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name, subscribed_at,
        signup_at) SELECT {_LIST}, {RECIPIENT} + n, n % 3 > 0, '', '', n, n FROM n;
    INSERT INTO contacts (account_id, recipient, created_at, looked_up_at)
        SELECT 1, {RECIPIENT} + n, n, CASE WHEN n % 2 THEN n END FROM n;
    INSERT INTO consent_events (list_id, recipient, active, reason, source, evidence, at)
        SELECT {_LIST}, {RECIPIENT} + n, 1, '', '', '', n FROM n;
    INSERT INTO blocks SELECT 1, {RECIPIENT} + n, '', 0 FROM n;
    INSERT INTO erased SELECT 1, n * 9176543210987 % 9007199254740881, 0, n FROM n;
    INSERT INTO enrolments (lane, list_id, recipient, journey_id, started_at, ends_at, due_at)
        SELECT {_LANE}, {_LIST}, {RECIPIENT} + n, 1, 0, {BEGAN} + n,
            CASE WHEN n % 4 > 0 THEN {BEGAN} + n END FROM n;
    INSERT INTO journey_events SELECT {_LIST}, {RECIPIENT} + n, 1, '', {BEGAN}, {_LANE} FROM n;
    INSERT INTO destinations (id, account_id, digest, url, created_at)
        SELECT n + 1, 1, CAST('d' || n AS BLOB), 'https://a.example/', 0 FROM n;
    INSERT INTO origins (account_id, kind, of_id, version, part, offers)
        SELECT 1, 'run', n / 4, 1, n % 4, '' FROM n;
    INSERT INTO origin_counts
        SELECT n / 64, {_LIST}, n, 'sent', 0, 1, 1, 0 FROM n;
    INSERT INTO cohort_counts SELECT {_LIST}, n, 0, 'sends', 0, 1, 0 FROM n;
    INSERT INTO signup_counts SELECT {_LIST}, n, 0, 1 FROM n;
    INSERT INTO contact_counts SELECT {_LIST}, {RECIPIENT} + n, 0, 'clicks', 1, 0 FROM n;
    -- An account has some runs: what is asked of each of them is no more the longer it is stored.
    INSERT INTO runs (account_id, schedule_id, local_date, state, content, version, due_at, ends_at,
        turn_at, planned, held_out, left_out, variants, remembers, ended_at)
        SELECT CASE WHEN n < 512 THEN 1 ELSE 2 END, n, '', 'running', '', 1, n, n, n, 0, 0,
            '{{}}', '{{}}', n % 128 = 0, n FROM n
        WHERE n % 64 = 0;
    INSERT INTO run_waves
        (run_id, wave, account_id, due_at, ends_at, ranges, is_rest, cursor, done)
        SELECT id, 0, 1, 0, 0, '[]', 0, 0, 0 FROM runs;
    INSERT INTO run_recipients SELECT 1 + n % 4, {RECIPIENT} + n, 1 FROM n;
    INSERT INTO campaign_sends SELECT 1, {RECIPIENT} + n, '' FROM n;
    INSERT INTO agents (id, digest, text, seen_on)
        SELECT n + 1, CAST('d' || n AS BLOB), CAST('a' || n AS BLOB), 1 FROM n;
    INSERT INTO clicks (account_id, number, position, at, click_class, reason, agent_id, digest)
        SELECT 1, n, 0, {BEGAN} + n, 1, 0, 1, CAST(n AS BLOB) FROM n;
    INSERT INTO counters SELECT 'clicks', count(*) - 20 FROM n;
    INSERT INTO message_clicks (number, account_id, at, position, offer_id, clicks, human_clicks)
        SELECT n, 1, {BEGAN} + n, 0, n % 8, 1, 1 FROM n WHERE n > 0;
    INSERT INTO short_links (account_id, list_id, destination_id, created_at, clicks, human_clicks)
        SELECT 1, 1, 1, 0, 0, 0 FROM n;
    INSERT INTO idempotency SELECT 1, 'k' || n, '', x'', 200, x'', {BEGAN} + n FROM n;
    INSERT INTO inbox (connector_id, received_at, raw)
        SELECT n % {CONNECTORS} + 1, {BEGAN}, x'' FROM n;
    INSERT INTO refused_callbacks (connector_id, received_at, refused_at, about, size, reason, raw)
        SELECT n % {CONNECTORS} + 1, {BEGAN}, {BEGAN}, 'unknown', 0, '', x'' FROM n;
    INSERT INTO parked_receipts (connector_id, carrier_ref, detail, received_at)
        SELECT 1, CASE n % 2 WHEN 0 THEN 'r' ELSE 'p' END || n, '', {BEGAN} + n FROM n;
    INSERT INTO replies (account_id, list_id, sender, body, received_at)
        SELECT 1, {_LIST}, {RECIPIENT} + n, '', {BEGAN} + n FROM n;
    INSERT INTO reply_refs SELECT 1, 'i' || n, {BEGAN} + n FROM n;
    INSERT INTO reply_parts
        SELECT 1, {RECIPIENT} + n, 1, 1, 2, 1, '', NULL, NULL, 0, 0, {BEGAN} + n FROM n;
    INSERT INTO auto_replies
        SELECT {_LIST}, {RECIPIENT} + n, 'stop', 1, 1, '', {BEGAN} + n,
            CASE WHEN n >= 20 THEN {BEGAN} + n END FROM n;
    INSERT INTO recipient_troubles SELECT {_LIST}, {RECIPIENT} + n, n, {BEGAN} + n FROM n;
    INSERT INTO outbox (endpoint_id, kind, ref, at, due_at, told, attempts, retries)
        SELECT n % 8 + 1, 'delivery', n, {BEGAN} + n,
            CASE n % 2 WHEN 0 THEN {BEGAN} + n END, 0, 0, 0 FROM n;
    INSERT INTO webhook_attempts SELECT id, 1, endpoint_id, 0, 0, 'told', 200, '' FROM outbox;
    INSERT INTO audit (account_id, at, actor, action, about, details)
        SELECT 1, {BEGAN} + n, '', '', '', '{{}}' FROM n;
"""


def filled(count):
    """Return a connection to a never analysed database, and our transaction on it."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    tx = SqliteTx(raw, Pseudonyms(b"a test"), Hints())
    metadata.create_all(tx.core)
    raw.create_function("lane_of", 1, lane_of, deterministic=True)
    raw.execute("BEGIN")
    raw.execute("CREATE TEMP TABLE n (n INTEGER PRIMARY KEY)")
    values = {"count": count, "waiting": waiting_from(count)}
    _number(raw, count)
    _run(raw, _SETTINGS + _MESSAGES, values)
    raw.execute("DELETE FROM n WHERE n >= ?", (count // 10,))
    _run(raw, _BESIDE, values)
    raw.execute("DROP TABLE n")
    raw.execute("COMMIT")
    return raw, tx


def _number(raw, count):
    raw.execute(
        "INSERT INTO n WITH RECURSIVE up (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM up"
        " WHERE n < ? - 1) SELECT n FROM up",
        (count,),
    )


def _run(raw, script, values):
    for statement in script.split(";")[:-1]:
        wanted = {name: value for name, value in values.items() if f":{name}" in statement}
        raw.execute(statement, wanted)


def waiting_from(count):
    """Return the first message that waits."""
    return count - count // 10


def list_id(n):
    return n % LISTS + 1


def lane(n):
    return lane_of(list_id(n))
