"""Filters of audiences find whom a naive evaluation finds, on every database."""

import json
import random

import pytest
from audience_oracle import Oracle, Person
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from stores import NOW, house

from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.numbering import ValidationStatus
from sendrail.storage.contact_tables import blocks, contact_activity, contacts, list_contacts
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tracking_tables import contact_earnings

__all__ = ["house"]

DAY, HOUR, MINUTE = 86_400_000, 3_600_000, 60_000
FIRST = 15550100000
NAMES = ("plan", "city", "50%_off", "a.b", "имя", "spent", 'a"b\\c', "a\tb")
# What is easily taken for another: a number in a text, a boolean for a number, capitals, patterns.
SCALARS = (
    "pro", "Pro", "5", "5.0", "true", "", "50% off", "50_ off", "ÄÖ", "it's", 5, 5.0, 5.5, -1, 0, 1,
    True, False, 2**53, 1e-7, "1",
)  # fmt: skip
TEXTS = ("pro", "o", "%", "_", "5", "ro", "Ä", "P", "'", " off")
OTHER = "0" * 23 + "1"
NESTED = "0" * 23 + "2"
VALIDATION = {
    "ok": (True, "CELL PHONE"),
    "unreachable": (True, "LANDLINE"),
    "risky": (True, "VOIP"),
    "invalid": (False, None),
    "unknown": (None, None),
}


def moment(dice):
    """Return a time at, around or far from the bounds that conditions name."""
    unit = dice.choice((DAY, HOUR, MINUTE))
    return NOW - dice.randint(0, 4) * unit + dice.choice((-1, 0, 0, 1, -unit // 2))


def person(dice, number, list_id, of_number):
    sends, clicks = dice.randint(0, 3), dice.choice((0, 0, 1, 2))
    conversions = dice.choice((0, 0, 1, 3))
    return Person(
        number=number,
        list_id=list_id,
        signup_at=moment(dice),
        fields={name: dice.choice(SCALARS) for name in NAMES if dice.random() < 0.7},
        active=dice.random() < 0.85,
        sends=sends,
        last_sent_at=moment(dice) if sends else None,
        clicks=clicks,
        last_clicked_at=moment(dice) if clicks else None,
        conversions=conversions,
        revenue=dice.choice((0, 10_000, 25_000, 33_333)) if conversions else 0,
        last_revenue_at=moment(dice) if conversions else None,
        **of_number,
    )


def people_of(house, seed):
    """Return people on two lists of ours and one of theirs, many on several."""
    dice = random.Random(seed)
    lists = [house.list.id, house.add_list(house.us, 15550003000).id, house.their_list.id]
    found = []
    for number in range(FIRST, FIRST + 120):
        of_number = {
            "blocked": dice.random() < 0.2,
            "validation": dice.choice(tuple(VALIDATION)),
        }
        found += [
            person(dice, number, list_id, of_number) for list_id in lists if dice.random() < 0.6
        ]
    return lists, found


def store(house, lists, people):
    ours = [each for each in people if each.list_id in lists[:2]]
    numbers = {each.number: each for each in ours}
    house.write(lambda tx: _store(tx, house, people, numbers))


def add(tx, table, rows):
    if rows:
        insert_each(tx.core, insert(table), rows)


def _store(tx, house, people, numbers):
    at = "list_id", "recipient"
    rows = [(dict(zip(at, (each.list_id, each.number), strict=True)), each) for each in people]
    tx.begin()
    add(
        tx,
        list_contacts,
        [
            key
            | {
                "active": each.active,
                "first_name": "",
                "last_name": "",
                "subscribed_at": each.signup_at,
                "signup_at": each.signup_at,
                "custom_fields": json.dumps(each.fields, ensure_ascii=False),
            }
            for key, each in rows
        ],
    )
    add(
        tx,
        contact_activity,
        [
            key | {"sends": each.sends, "first_sent_at": 0, "last_sent_at": each.last_sent_at}
            for key, each in rows
            if each.sends
        ],
    )
    add(
        tx,
        contact_earnings,
        [
            key
            | {
                name: getattr(each, name)
                for name in (
                    "clicks", "last_clicked_at", "conversions", "revenue", "last_revenue_at",
                )
            }
            for key, each in rows
            if each.clicks or each.conversions
        ],
    )  # fmt: skip
    of_us = [{"account_id": house.us, "recipient": number} for number in numbers]
    add(
        tx,
        blocks,
        [row | {"note": "", "blocked_at": 0} for row in of_us if numbers[row["recipient"]].blocked],
    )
    facts = [
        row | dict(zip(("is_valid", "line_type"), VALIDATION[numbers[row["recipient"]].validation],
                       strict=True))
        for row in of_us
    ]  # fmt: skip
    # Not of everybody is there a row at all.
    known = [row | {"created_at": 0} for row in facts if row["is_valid"] is not None]
    add(tx, contacts, known)


AGO = st.fixed_dictionaries(
    {
        "operator": st.sampled_from(("within", "not_within", "before", "after")),
        "value": st.integers(0, 4),
        "unit": st.sampled_from(("days", "hours", "minutes")),
    }
)
KNOWS = st.fixed_dictionaries({"operator": st.sampled_from(("exists", "not_exists"))})
COMPARISONS = st.sampled_from(("eq", "ne", "gt", "gte", "lt", "lte"))


def of_type(kind, fields, *rest):
    named = st.fixed_dictionaries(
        {"condition_type": st.just(kind), "field": st.sampled_from(fields)}
    )
    return st.tuples(named, st.one_of(*rest)).map(lambda two: two[0] | two[1])


def compare(operators, values):
    return st.fixed_dictionaries({"operator": st.sampled_from(operators), "value": values})


NUMBERS = compare(
    ("eq", "ne", "gt", "gte", "lt", "lte"), st.sampled_from((0, 1, 2, 3, 1.5, 2.5, 0.9999))
)
FLAG = compare(("eq",), st.booleans())
STATUS = st.sampled_from(tuple(ValidationStatus)).map(str)
_CONDITIONS = st.one_of(
    of_type("time", ("last_sent_at", "last_clicked_at", "signup_date"), AGO, KNOWS),
    of_type("count", ("send_count", "click_count", "conversion_count"), NUMBERS),
    of_type("revenue", ("revenue_total", "avg_revenue", "conversion_count"), NUMBERS),
    of_type("revenue", ("has_revenue",), FLAG),
    of_type("revenue", ("last_revenue_at",), AGO, KNOWS),
    of_type("dnc", ("on_dnc",), FLAG),
    of_type("clicked", ("clicked",), FLAG),
    of_type(
        "validation",
        ("validation_status",),
        compare(("eq", "ne"), STATUS),
        compare(("in", "not_in"), st.lists(STATUS, min_size=1, max_size=3)),
    ),
    of_type(
        "custom_field",
        tuple(f"custom_fields.{name}" for name in (*NAMES, "none")),
        compare(("eq", "ne"), st.sampled_from(SCALARS)),
        compare(("in", "not_in"), st.lists(st.sampled_from(SCALARS), min_size=1, max_size=6)),
        compare(("gt", "gte", "lt", "lte"), st.sampled_from((5, 5.5, 0, -1, 1, 2**53, 1e-7))),
        compare(("contains", "not_contains", "starts_with", "ends_with"), st.sampled_from(TEXTS)),
        KNOWS,
    ),
    st.fixed_dictionaries(
        {
            "condition_type": st.just("list"),
            "operator": st.sampled_from(("in", "not_in")),
            "list_id": st.integers(0, 1),
        }
    ),
    st.fixed_dictionaries(
        {
            "condition_type": st.just("audience"),
            "operator": st.sampled_from(("in", "not_in")),
            "audience_id": st.just(OTHER),
        }
    ),
)


@st.composite
def condition(draw):
    # A name of its own: hypothesis would write out all that it may be.
    return draw(_CONDITIONS)


CONDITIONS = condition()


def group(conditions, groups):
    return st.fixed_dictionaries(
        {
            "operator": st.sampled_from(("AND", "OR")),
            "conditions": st.lists(conditions, max_size=3),
            "groups": groups,
        }
    ).filter(lambda it: it["conditions"] or it["groups"])


TREES = st.recursive(
    group(CONDITIONS, st.just([])),
    lambda inner: group(CONDITIONS, st.lists(inner, max_size=2)),
    max_leaves=4,
)


def with_lists(tree, lists):
    """Return a tree that names lists by their ids, not by their places."""
    return tree | {
        "conditions": [
            each | {"list_id": lists[each["list_id"]]} if "list_id" in each else each
            for each in tree["conditions"]
        ],
        "groups": [with_lists(each, lists) for each in tree["groups"]],
    }


LAST = {
    "operator": "OR",
    "conditions": [
        {"condition_type": "custom_field", "field": "plan", "operator": "eq", "value": "pro"}
    ],
}
MIDDLE = {
    "operator": "OR",
    "conditions": [
        {"condition_type": "count", "field": "send_count", "operator": "gt", "value": 1},
        {"condition_type": "audience", "audience_id": NESTED},
    ],
}


class Grounds:
    """People in a store, and the naive evaluation of the same people."""

    def __init__(self, house, lists, people):
        self.house = house
        self.lists, self.people = lists, people
        store(house, self.lists, self.people)
        self.ours = tuple(self.lists[:2])
        audiences = {OTHER: (self.ours[1:], MIDDLE), NESTED: (self.ours, LAST)}
        self.oracle = Oracle(
            [each for each in self.people if each.list_id in self.ours], NOW, audiences
        )
        nested = self.target(LAST, self.ours)
        self.others = {OTHER: self.target(MIDDLE, self.ours[1:], {NESTED: nested})}

    def target(self, tree, lists, others=None):
        return AudienceTarget(
            account_id=self.house.us,
            lists=tuple(lists),
            group=read_filter(tree),
            now=NOW,
            known_lists=frozenset(self.ours),
            others=others or {},
        )

    def count(self, target):
        return self.house.read(
            lambda tx: tx.audience_members.count(tx.audience_members.query(target))
        )

    def explained(self, target):
        return self.house.read(
            lambda tx: tx.audience_members.explain(tx.audience_members.explanation(target))
        )

    def members(self, tree, lists):
        target = self.target(tree, lists, self.others)
        found = self.house.read(lambda tx: tx.audience_members.some(target, 1_000, of_sample=False))
        return target, {each.recipient for each in found}


@pytest.fixture
def grounds(house):
    return Grounds(house, *people_of(house, 14))


@settings(
    # Each example asks a database twice: to shrink one takes longer than to read it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=TREES, both=st.booleans())
def test_a_filter_finds_whom_a_naive_evaluation_finds(grounds, tree, both):
    tree = with_lists(tree, grounds.lists)
    lists = grounds.ours if both else grounds.ours[:1]
    expected = grounds.oracle.members(lists, tree)
    target, found = grounds.members(tree, lists)
    assert found == expected
    count = grounds.house.read(
        lambda tx: tx.audience_members.count(tx.audience_members.query(target))
    )
    assert count == len(expected)
    matching = grounds.oracle.matching(lists, tree)
    everybody = {each.number for each in matching}
    blocked = {each.number for each in matching if each.active and each.blocked}
    counts = grounds.explained(target)
    assert (counts.matching, counts.opted_out) == (len(everybody), len(everybody - expected))
    assert (counts.blocked, counts.on_journey) == (len(blocked), 0)


def met(operator):
    """Return the values that an operator can compare a custom field with."""
    if operator in ("gt", "gte", "lt", "lte"):
        numbers = (int, float)
        return [each for each in SCALARS if type(each) in numbers]
    if operator in ("eq", "ne"):
        return SCALARS
    return TEXTS


@pytest.mark.parametrize(
    "operator",
    [
        "eq", "ne", "gt", "gte", "lt", "lte", "contains", "not_contains", "starts_with",
        "ends_with",
    ],
)  # fmt: skip
def test_a_value_of_every_type_meets_a_value_of_every_type(house, operator):
    held = [{"plan": value} for value in SCALARS] + [{}, {"plan_": "pro", "Plan": 5}]
    lists = [house.list.id, house.add_list(house.us, 15550003000).id, house.their_list.id]
    people = [
        Person(number=FIRST + place, list_id=lists[0], signup_at=0, fields=fields)
        for place, fields in enumerate(held)
    ]
    grounds = Grounds(house, lists, people)
    for value in met(operator):
        for name in ("in", "not_in") if operator in ("eq", "ne") else (operator,):
            given = [value] if name in ("in", "not_in") else value
            for chosen, wanted in {operator: value, name: given}.items():
                condition = {
                    "condition_type": "custom_field", "field": "plan", "operator": chosen,
                    "value": wanted,
                }  # fmt: skip
                tree = {"operator": "AND", "conditions": [condition]}
                _, found = grounds.members(tree, grounds.ours)
                assert found == grounds.oracle.members(grounds.ours, tree), condition
