"""What the gate judges by, on PostgreSQL: all of it read in one query."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any, Final

from sendrail.domain.ids import lane_of
from sendrail.storage.accounts.lists import JOINED_LIST_COLUMNS, sending_list
from sendrail.storage.driver import Rows
from sendrail.storage.pipeline.gate import (
    Caller,
    Gate,
    GateQuery,
    GateResult,
    GateTexts,
    KnownContact,
)
from sendrail.storage.postgres.driver import columns

_LIST: Final = f"SELECT {JOINED_LIST_COLUMNS} FROM lists AS l"
TEXTS: Final = GateTexts(
    callers_by_key="""
        SELECT k.digest, a.id, a.status = 'active', a.blocked_words FROM api_keys AS k
        JOIN accounts AS a ON a.id = k.account_id
        WHERE k.digest = ANY($1::bytea[]) AND k.revoked_at IS NULL
    """,
    callers_by_account="""
        SELECT id, status = 'active', blocked_words FROM accounts WHERE id = ANY($1::bigint[])
    """,
    lists_by_id=_LIST + " WHERE l.id = ANY($1::bigint[])",
    lists_by_number=_LIST
    + """
        JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (account_id, number)
            ON l.account_id = wanted.account_id AND l.number = wanted.number
    """,
    blocked="""
        SELECT recipient FROM blocks WHERE account_id = $1 AND recipient = ANY($2::bigint[])
    """,
    erased="""
        SELECT digest FROM erased WHERE account_id = $1 AND digest = ANY($2::bigint[])
    """,
    active="""
        SELECT recipient FROM list_contacts
        WHERE list_id = $1 AND recipient = ANY($2::bigint[]) AND active
    """,
    zones="""
        SELECT recipient, timezone FROM contacts
        WHERE account_id = $1 AND recipient = ANY($2::bigint[]) AND timezone IS NOT NULL
    """,
)
# What speaks against texting a number. Nearly always none is found: looks by key, all empty.
_UNREACHABLE: Final = """
    SELECT recipient, 0 AS which FROM list_contacts
    WHERE list_id = {list_id} AND recipient = ANY({recipients}) AND NOT active
    UNION ALL
    SELECT recipient, 1 FROM blocks
    WHERE account_id = {account_id} AND recipient = ANY({recipients})
    UNION ALL
    SELECT e.recipient, 2 FROM enrolments AS e JOIN journeys AS j ON j.id = e.journey_id
    WHERE e.lane = {lane} AND e.list_id = {list_id} AND e.recipient = ANY({recipients})
        AND e.ends_at > {now} AND j.status = 'active' AND j.holds_other_sends
    UNION ALL
    (SELECT 0, 3 FROM erased WHERE account_id = {account_id} LIMIT 1)
"""
UNREACHABLE: Final = _UNREACHABLE.format(
    account_id="$1", list_id="$2", recipients="$3::bigint[]", now="$4", lane="$5::smallint"
)
_UNREACHABLE_OF_ASKED: Final = _UNREACHABLE.format(
    account_id="a.id",
    list_id="l.id",
    recipients="($6::bigint[])[w.first:w.last]",
    now="$7",
    lane="l.lane",
)
UNREACHABLE_OF_LISTS: Final = f"""
    SELECT w.ask, who.recipient, who.which
    FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $7::smallint[])
        WITH ORDINALITY AS w (account_id, list_id, first, last, lane, ask),
    LATERAL ({
    _UNREACHABLE.format(
        account_id="w.account_id",
        list_id="w.list_id",
        recipients="($5::bigint[])[w.first:w.last]",
        now="$6",
        lane="w.lane",
    )
}) AS who
"""
# All that the gate looks up, in one query: a row for each caller who is known, and for each
# recipient whom something speaks against.
FIND: Final = f"""
    SELECT w.ask, a.id, a.status = 'active', a.blocked_words, who.recipient, who.which,
        {JOINED_LIST_COLUMNS}
    FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::int[], $5::int[])
        WITH ORDINALITY AS w (digest, account_id, number, first, last, ask)
    LEFT JOIN api_keys AS k ON k.digest = w.digest AND k.revoked_at IS NULL
    JOIN accounts AS a ON a.id = coalesce(k.account_id, w.account_id)
    LEFT JOIN lists AS l ON l.account_id = a.id AND l.number = w.number
    LEFT JOIN LATERAL ({_UNREACHABLE_OF_ASKED}) AS who ON true
"""

# What UNREACHABLE says of the account, not of a recipient.
_ANY_ERASED: Final = 3


class PostgresGate(Gate):
    """The facts the gate judges by."""

    def find(self, asked: Sequence[GateQuery], now: int) -> list[GateResult]:
        found = [GateResult(None, None, {})] * len(asked)
        against: dict[int, list[tuple[int, int]]] = {}
        for row in self._driver.rows(FIND, *_arrays(asked), now):
            at = row[0] - 1
            if found[at].caller is None:
                sender = None if row[6] is None else sending_list(row[6:])
                found[at] = GateResult(Caller(row[1], row[2], row[3]), sender, {})
            if row[5] is not None:
                against.setdefault(at, []).append((row[4], row[5]))
        for at, rows in against.items():
            caller, sender, known = found[at]
            if caller is not None and sender is not None:
                known |= self._known(caller.account_id, sender.id, asked[at].recipients, rows)
        return found

    def known_contacts(
        self, account_id: int, list_id: int, recipients: Sequence[int], now: int
    ) -> dict[int, KnownContact]:
        rows = self._driver.rows(
            UNREACHABLE, account_id, list_id, list(recipients), now, lane_of(list_id)
        )
        return self._known(account_id, list_id, recipients, rows)

    def known_contacts_of_lists(
        self, asked: Mapping[tuple[int, int], Sequence[int]], now: int
    ) -> dict[tuple[int, int], dict[int, KnownContact]]:
        if not asked:
            return {}
        recipients, firsts, ends = _joined(list(asked.values()))
        accounts, lists = columns(list(asked))
        found: dict[int, list[tuple[int, int]]] = {}
        for at, recipient, which in self._driver.rows(
            UNREACHABLE_OF_LISTS,
            accounts,
            lists,
            firsts,
            ends,
            recipients,
            now,
            list(map(lane_of, lists)),
        ):
            found.setdefault(at, []).append((recipient, which))
        return {
            key: self._known(*key, some, found.get(at, ()))
            for at, (key, some) in enumerate(asked.items(), 1)
        }

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
            self.add_erased(known, account_id, list_id, recipients)
        return known


def _arrays(asked: Sequence[GateQuery]) -> list[list[Any]]:
    """Turn what is asked into arrays: one of all recipients, and where each asker's are in it."""
    whos, numbers, recipients = zip(*asked, strict=True)
    together, firsts, ends = _joined(recipients)
    return [
        [who if isinstance(who, bytes) else None for who in whos],
        [who if isinstance(who, int) else None for who in whos],
        list(numbers),
        firsts,
        ends,
        together,
    ]


def _joined(recipients: Sequence[Sequence[int]]) -> tuple[list[int], list[int], list[int]]:
    """Return all in one, and where those of each begin and end, counted from 1."""
    ends = list(accumulate(map(len, recipients)))
    firsts = [end - len(some) + 1 for end, some in zip(ends, recipients, strict=True)]
    return list(chain.from_iterable(recipients)), firsts, ends
