"""Pages of runs on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.domain.campaign_run import SEND_DIGITS, SENDS_KEPT
from sendrail.storage.campaigns.run_pages import RunPageTexts

TEXTS: Final = RunPageTexts(
    take_turn="""
        UPDATE runs SET turn_at = ?4
        WHERE id = ?1 AND account_id = ?2 AND state = 'running' AND version = ?3
        RETURNING planned, held_out, left_out, variants
    """,
    move_cursor="""
        UPDATE run_waves SET cursor = ?5, done = ?6
        WHERE run_id = ?1 AND wave = ?2 AND account_id = ?3 AND cursor = ?4 AND NOT done
    """,
    count="""
        UPDATE runs SET planned = ?3, held_out = ?4, left_out = ?5, variants = ?6
        WHERE id = ?1 AND account_id = ?2
    """,
    keep="""
        INSERT INTO run_recipients (run_id, recipient, variant)
        SELECT ?2, wanted.value, ?3 FROM json_each(?1) AS wanted
    """,
    known="SELECT recipient FROM run_recipients WHERE run_id = ? AND recipient = ?",
    sends="""
        SELECT s.recipient, s.sends
        FROM json_each(?2) AS wanted CROSS JOIN campaign_sends AS s
        WHERE s.account_id = ?1 AND s.recipient = wanted.value
    """,
    capped=f"""
        SELECT s.recipient FROM json_each(?2) AS wanted CROSS JOIN campaign_sends AS s
        WHERE s.account_id = ?1 AND s.recipient = wanted.value
            AND (substr(s.sends, ?3, {SEND_DIGITS}) > ?4
                OR substr(s.sends, ?5, {SEND_DIGITS}) > ?6)
    """,  # noqa: S608 - our own numbers
    note_sends=f"""
        INSERT INTO campaign_sends (account_id, recipient, sends)
        SELECT ?2, wanted.value, ?3 FROM json_each(?1) AS wanted WHERE true
        ON CONFLICT (account_id, recipient) DO UPDATE
            SET sends = excluded.sends || substr(sends, 1, {SEND_DIGITS * (SENDS_KEPT - 1)})
    """,  # noqa: S608 - our own numbers
    standings="""
        SELECT o.id, r.id, r.state,
            coalesce((SELECT min(w.ends_at) FROM run_waves AS w WHERE w.run_id = r.id), r.ends_at),
            r.ends_at
        FROM origins AS o JOIN runs AS r ON r.id = o.of_id
        WHERE o.id = ? AND o.kind = 'run'
    """,
    remembered="""
        SELECT id, account_id FROM runs
        WHERE remembers AND ended_at < ?1 ORDER BY ended_at LIMIT 1
    """,
    forget_members="""
        DELETE FROM run_recipients WHERE run_id = ?1 AND recipient IN (
            SELECT recipient FROM run_recipients WHERE run_id = ?1
            ORDER BY recipient LIMIT ?2)
    """,
    forgotten="UPDATE runs SET remembers = false WHERE id = ?1 AND account_id = ?2",
    sends_after="""
        SELECT account_id, recipient, sends FROM campaign_sends
        WHERE (account_id, recipient) > (?1, ?2)
        ORDER BY account_id, recipient LIMIT ?3
    """,
    forget_sends="""
        DELETE FROM campaign_sends WHERE account_id = ? AND recipient = ? AND sends = ?
    """,
)
