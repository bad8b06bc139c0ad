"""Pages of runs on PostgreSQL."""

from typing import Final

from sendrail.domain.campaign_run import SEND_DIGITS, SENDS_KEPT
from sendrail.storage.campaigns.run_pages import RunPageTexts
from sendrail.storage.templates import InsertRows

TEXTS: Final = RunPageTexts(
    take_turn="""
        UPDATE runs SET turn_at = $4
        WHERE id = $1 AND account_id = $2 AND state = 'running' AND version = $3
        RETURNING planned, held_out, left_out, variants
    """,
    move_cursor="""
        UPDATE run_waves SET cursor = $5, done = $6
        WHERE run_id = $1 AND wave = $2 AND account_id = $3 AND cursor = $4 AND NOT done
    """,
    count="""
        UPDATE runs SET planned = $3, held_out = $4, left_out = $5, variants = $6
        WHERE id = $1 AND account_id = $2
    """,
    keep=InsertRows("run_recipients", "recipient bigint, run_id bigint, variant smallint"),
    known="""
        SELECT k.recipient FROM unnest($1::bigint[], $2::bigint[]) AS wanted (run_id, recipient)
        JOIN run_recipients AS k ON k.run_id = wanted.run_id AND k.recipient = wanted.recipient
    """,
    sends="""
        SELECT recipient, sends FROM campaign_sends
        WHERE account_id = $1 AND recipient = ANY($2::bigint[])
    """,
    capped=f"""
        SELECT recipient FROM campaign_sends
        WHERE account_id = $1 AND recipient = ANY($2::bigint[])
            AND (substr(sends, $3::int, {SEND_DIGITS}) COLLATE "C" > $4::text
                OR substr(sends, $5::int, {SEND_DIGITS}) COLLATE "C" > $6::text)
    """,
    note_sends=InsertRows(
        "campaign_sends",
        "recipient bigint, account_id bigint, sends text",
        "ON CONFLICT (account_id, recipient) DO UPDATE SET sends = excluded.sends ||"
        f" substr(campaign_sends.sends, 1, {SEND_DIGITS * (SENDS_KEPT - 1)})",
    ),
    standings="""
        SELECT o.id, r.id, r.state,
            coalesce((SELECT min(w.ends_at) FROM run_waves AS w WHERE w.run_id = r.id), r.ends_at),
            r.ends_at
        FROM unnest($1::bigint[]) AS wanted (id)
        JOIN origins AS o ON o.id = wanted.id JOIN runs AS r ON r.id = o.of_id
        WHERE o.kind = 'run'
    """,
    remembered="""
        SELECT id, account_id FROM runs
        WHERE remembers AND ended_at < $1 ORDER BY ended_at LIMIT 1
    """,
    forget_members="""
        DELETE FROM run_recipients WHERE run_id = $1 AND recipient IN (
            SELECT recipient FROM run_recipients WHERE run_id = $1
            ORDER BY recipient LIMIT $2)
    """,
    forgotten="UPDATE runs SET remembers = false WHERE id = $1 AND account_id = $2",
    sends_after="""
        SELECT account_id, recipient, sends FROM campaign_sends
        WHERE (account_id, recipient) > ($1, $2)
        ORDER BY account_id, recipient LIMIT $3
    """,
    forget_sends="""
        DELETE FROM campaign_sends AS s
        USING unnest($1::bigint[], $2::bigint[], $3::text[]) AS old (account_id, recipient, sends)
        WHERE s.account_id = old.account_id AND s.recipient = old.recipient
            AND s.sends = old.sends
    """,
)
