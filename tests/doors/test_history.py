"""One rule for a record of history, by a call and by a file of either kind."""

import csv
import io
import itertools
import json

import pytest
from dashboard_site import ME

from doors import LIST
from sendrail.contacts.imports import ImportOptions
from sendrail.domain.history import HistoryEntity

THERE, AT = "+15557100001", "2025-11-03T17:20:00Z"
SENDS, CLICKS, REVENUE = HistoryEntity.SENDS, HistoryEntity.CLICKS, HistoryEntity.REVENUE
BOTH, ALL = (CLICKS, REVENUE), (SENDS, CLICKS, REVENUE)
TAKEN, REFUSED = True, False
_serial = itertools.count(1)
# Of which records, a field, and what becomes of values; @ is the id of the record.
VALUES = [
    *(((SENDS,), "id", *each) for each in (
        (" ", REFUSED), (" @ ", TAKEN), ("x" * 256, REFUSED), ("a\0b", REFUSED),
    )),
    *(((SENDS,), "list_number", *each) for each in (
        (f" {LIST} ", TAKEN), ("+15557999999", REFUSED), ("5", REFUSED),
    )),
    *(((SENDS,), "to_number", *each) for each in (
        ("", REFUSED), ("5", REFUSED), (f" {THERE} ", TAKEN),
    )),
    *(((SENDS,), "send_type", *each) for each in ((" ", TAKEN), ("x" * 300, REFUSED))),
    *(((SENDS,), "timestamp", *each) for each in (("", REFUSED), (" ", REFUSED))),
    *((ALL, "timestamp", *each) for each in (
        ("1970-01-01", TAKEN), (f" {AT} ", TAKEN), ("1969-12-31T23:59:59Z", REFUSED),
        ("2098-01-01T00:00:00Z", REFUSED), ("2025-06-30T23:59:60Z", REFUSED),
        ("0001-01-01T00:00:00+14:00", REFUSED), ("x", REFUSED),
    )),
    *((BOTH, "timestamp", *each) for each in (("", TAKEN), (" ", TAKEN))),
    *((BOTH, "message_id", *each) for each in ((" ", REFUSED), ("nope", REFUSED), (" @ ", TAKEN))),
    *((BOTH, "offer_id", *each) for each in (
        (" ", REFUSED), ("nope", REFUSED), ("0" * 24, REFUSED),
    )),
    *(((CLICKS,), "phone_number", *each) for each in (
        (" ", TAKEN), ("5", REFUSED), ("+15557100002", REFUSED),
    )),
    *(((REVENUE,), "revenue", *each) for each in (
        (0, TAKEN), (-1, REFUSED), (12.34567, TAKEN), (10**9, TAKEN), (10**9 + 1, REFUSED),
        (2**70, REFUSED),
    )),
    *(((REVENUE,), "payout", *each) for each in ((5, TAKEN), (-1, REFUSED))),
    *(((REVENUE,), "currency", *each) for each in (
        (" ", TAKEN), (" usd ", TAKEN), ("EUR", REFUSED), ("x", REFUSED),
    )),
    *(((REVENUE,), "attribution_type", *each) for each in (
        (" ", TAKEN), (" sale ", TAKEN), ("SALE", REFUSED), ("nope", REFUSED),
    )),
    *(((REVENUE,), "event", *each) for each in (
        (" ", TAKEN), (" sale ", TAKEN), ("SALE", REFUSED),
    )),
    *(((REVENUE,), "external_id", *each) for each in (("", TAKEN), ("x" * 256, REFUSED))),
]  # fmt: skip
CASES = [(kind, *row) for kinds, *row in VALUES for kind in kinds]


@pytest.fixture(scope="module")
def offer(doors):
    return doors.resources["offer"].made(doors)


def _row(doors, kind, offer, field, value):
    ref = f"old-{next(_serial)}"
    plain = {"list_number": LIST, "to_number": THERE, "timestamp": AT}
    row = plain | {"id": ref}
    if kind is not SENDS:
        sent = doors.call("POST", "history/sends", {"records": [row]}).json()
        assert sent["success_count"] == 1, sent
        row = {"message_id": ref, "offer_id": offer, "timestamp": AT}
    if kind is REVENUE:
        row |= {"revenue": 1, "external_id": ref}
    return row | {field: value.replace("@", ref) if isinstance(value, str) else value}


def _by_call(doors, kind, row):
    found = doors.call("POST", f"history/{kind}", {"records": [row]}).json()
    for error in found["errors"]:
        assert error["code"]
    return found["success_count"] == 1


def _by_file(doors, kind, text):
    async def pieces():
        yield text.encode()

    files, options = doors.runtime.tracking.history_files, ImportOptions()
    report = doors.do(files.import_file(doors.us, kind, pieces(), options, ME))
    return report.refused == 0


def _by_csv(doors, kind, row):
    text = io.StringIO()
    csv.writer(text).writerows([list(row), list(row.values())])
    return _by_file(doors, kind, text.getvalue())


def _by_json_lines(doors, kind, row):
    return _by_file(doors, kind, json.dumps(row) + "\n")


@pytest.mark.parametrize(
    ("kind", "field", "value", "becomes"),
    CASES,
    ids=[f"{kind}-{field}-{ascii(value)[:24]}" for kind, field, value, _ in CASES],
)
def test_a_record_is_taken_alike_by_a_call_and_by_a_file(doors, offer, kind, field, value, becomes):
    ways = (_by_call, _by_csv, _by_json_lines)
    found = {way.__name__: way(doors, kind, _row(doors, kind, offer, field, value)) for way in ways}
    assert found == dict.fromkeys(found, becomes)
