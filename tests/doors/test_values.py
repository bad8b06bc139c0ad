"""One rule for a value, whichever way it comes to a list, an offer, a text or a campaign.

Calls, forms and commands have a spelling of their own: a form takes an empty field for none, and
JSON brings numbers as they are. What is kept of a value, and whether it is refused, is the same.
"""

import pytest
from ways import Resource

from doors import REFUSED

NAMED = [(of, "name") for of in ("offer", "creative", "audience", "campaign")]
OPTIONAL = [("list", "brand_name"), ("offer", "external_id"), ("audience", "description")]
TEXTS = [("list", "list_name"), *NAMED, *OPTIONAL]
FALLBACKS = [("offer", "fallback_url")]
URLS = [("offer", "tracking_url"), *FALLBACKS]
AMOUNTS = [("offer", "payout"), ("campaign", "ir_revenue")]
WINDOWS, ENDS = [("offer", "click_window_days")], [("offer", "expires_at")]
SHARES, CLOCKS = [("campaign", "holdout_percent")], [("campaign", "send_time")]
RATES = [("list", "rate")]
NUMBERS = [*AMOUNTS, *WINDOWS, *SHARES, *RATES]
# A value that counts as none: what is kept is that of a new one, or of one that it is taken from.
NONE = object()
HALF = "\ud83d"
# Each value that is given for fields, and what is kept of it.
VALUES = [
    *((TEXTS, *each) for each in (
        ("  Ann ", "Ann"), ("\u00a0Ann\u2003", "Ann"), ("e\u0301", "e\u0301"), ("\u00e9", "\u00e9"),
        ("=1+1", "=1+1"), ("\u202eab\u200f", "\u202eab\u200f"), ("x" * 5_000, REFUSED),
        ("a\0b", REFUSED), (HALF, REFUSED),
    )),
    *((NAMED, each, REFUSED) for each in (" ", "\u2003")),
    *((OPTIONAL + FALLBACKS, each, NONE) for each in ("", " ")),
    *((URLS, *each) for each in (
        (" https://x.example/a b ", "https://x.example/a%20b"), ("ftp://x.example/", REFUSED),
        ("https://x.example/{{nope}}", REFUSED), ("https://x.example/" + "a" * 3_000, REFUSED),
    )),
    *((AMOUNTS, *each) for each in (
        (0.0001, 0.0001), (12.3456, 12.3456), (12.34567, 12.3457), (0.00001, 0.0),
        (1_000_000_000, 1e9), (1_000_000_001, REFUSED), (-1, REFUSED), (2**70, REFUSED),
        ("NaN", REFUSED), ("12,50", REFUSED), ("1e3", REFUSED), ("\u0661", REFUSED),
    )),
    *((SHARES, *each) for each in (
        (5, 5), (0, 0), (-1, REFUSED), (2**63, REFUSED), (2**70, REFUSED), (1.5, REFUSED),
        ("\u0665", REFUSED), ("5_0", REFUSED),
    )),
    *((RATES, *each) for each in (
        (1, 1), (0, REFUSED), (6_000_001, REFUSED), (2**70, REFUSED), (1.5, REFUSED),
        ("\u0665", REFUSED),
    )),
    *((WINDOWS, *each) for each in ((90, 90), (91, REFUSED), (2**63, REFUSED), (-1, REFUSED))),
    *((ENDS, *each) for each in (
        ("2098-01-31T08:00:00Z", "2098-01-31T08:00:00Z"),
        ("2098-01-31T22:00:00+14:00", "2098-01-31T08:00:00Z"),
        ("2098-01-31T08:00", "2098-01-31T08:00:00Z"), ("2098-01-31", "2098-01-31T00:00:00Z"),
        ("2098-06-30T23:59:60Z", REFUSED), ("0000-01-01T00:00:00Z", REFUSED),
        ("0001-01-01T00:00:00+14:00", REFUSED), ("9999-12-31T23:59:59-14:00", REFUSED),
        ("1969-12-31T23:59:59Z", REFUSED), ("1970-01-01T00:00:00Z", REFUSED),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"), ("tomorrow", REFUSED),
    )),
    *((CLOCKS, *each) for each in (
        ("09:30", "09:30"), (" 09:30 ", "09:30"), ("24:00", REFUSED), ("9:30", REFUSED),
        ("\u0661\u0660:00", REFUSED), ("09:30:15", REFUSED),
    )),
]  # fmt: skip
BY_COMMAND = "by_command"
WAYS = ("by_call", "by_change", "by_form", BY_COMMAND)
# A command opens the installation anew: of values that one rule takes, one is enough.
COMMANDS = {"  Ann ", 12.34567, "12,50", "9999-12-31T23:59:59-14:00"}
CASES = [(of, field, value, kept) for fields, value, kept in VALUES for of, field in fields]


def _fits(way, of, field, value):
    """Return whether a way can bring a value."""
    if way == "by_form":
        return not (isinstance(value, str) and HALF in value)
    if way in {"by_call", "by_change"}:
        # The API takes numbers as numbers.
        return not (isinstance(value, str) and (of, field) in NUMBERS)
    return value in COMMANDS


@pytest.mark.parametrize(
    ("of", "field", "value", "kept"),
    CASES,
    ids=[f"{of}-{field}-{ascii(value)[:24]}" for of, field, value, _ in CASES],
)
def test_a_value_is_kept_alike_whichever_way_it_comes(doors, of, field, value, kept):
    resource: Resource = doors.resources[of]
    if kept is NONE:
        kept = resource.shown(doors, resource.made(doors), field)
    found = {
        way: getattr(resource, way)(doors, field, value)
        for way in WAYS
        if _fits(way, of, field, value)
    }
    assert found == dict.fromkeys(found, kept)
    codes = {each.code for each in found.values() if each == REFUSED} - {None}
    assert len(codes) <= 1
