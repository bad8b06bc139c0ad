"""The gate as a table: flags times faults, the whole product."""

from dataclasses import replace
from functools import reduce
from itertools import combinations
from operator import or_

import pytest

from sendrail.domain.gate import CHECKS, GateFacts, judge, judge_again
from sendrail.domain.message import DropReason, Skip
from sendrail.domain.order import Refusal
from sendrail.domain.sender import ListStatus, OnUncertain, SendingList

LIST = SendingList(
    id=1,
    lane=2531,
    account_id=1,
    number=15550001000,
    name="News",
    brand="News",
    status=ListStatus.ACTIVE,
    rate=17_000,
    connector_id=1,
    byoc=False,
    verified_at=None,
    on_uncertain=OnUncertain.HOLD,
    created_at=0,
)


def of_list(**changes):
    return {"sending_list": replace(LIST, **changes)}


# What is wrong, the refusal, the one flag that opens it, and what it is dropped as later: the
# issue's own table, in the order in which the first fault decides.
FAULTS = [
    ({"sending_list": None}, Refusal.LIST_NOT_FOUND, None, DropReason.INACTIVE_LIST),
    (of_list(status=ListStatus.DELETED), Refusal.LIST_NOT_FOUND, None, DropReason.INACTIVE_LIST),
    (of_list(status=ListStatus.PAUSED), Refusal.LIST_INACTIVE, None, DropReason.INACTIVE_LIST),
    (of_list(status=ListStatus.SUSPENDED), Refusal.LIST_INACTIVE, None, DropReason.INACTIVE_LIST),
    ({"account_active": False}, Refusal.ACCOUNT_SUSPENDED, None, DropReason.ACCOUNT_SUSPENDED),
    (of_list(byoc=True), Refusal.WEBHOOK_NOT_CONFIGURED, None, DropReason.WEBHOOK_NOT_CONFIGURED),
    ({"content_blocked": True}, Refusal.BLOCKED_CONTENT, None, DropReason.BLOCKED_CONTENT),
    (
        {"contact_unsubscribed": True},
        Refusal.CONTACT_UNSUBSCRIBED,
        Skip.CONTACT_VALIDATION,
        DropReason.CONTACT_BLOCKED,
    ),
    (
        {"contact_blocked": True},
        Refusal.CONTACT_BLOCKED,
        Skip.CONTACT_VALIDATION,
        DropReason.CONTACT_BLOCKED,
    ),
    ({"same_message_recently": True}, Refusal.DUPLICATE_MESSAGE, Skip.DUPLICATE, None),
    ({"in_active_journey": True}, Refusal.JOURNEY_CONFLICT, Skip.JOURNEY, None),
]
FLAGS = [Skip.DUPLICATE, Skip.RATE_LIMIT, Skip.CONTACT_VALIDATION, Skip.JOURNEY]
SKIPS = [
    reduce(or_, chosen, Skip.NONE)
    for size in range(len(FLAGS) + 1)
    for chosen in combinations(FLAGS, size)
]
PAIRS = [
    (first, second)
    for first, second in combinations(FAULTS, 2)
    if not first[0].keys() & second[0].keys()
]


def facts(*changes):
    clean = GateFacts(LIST)
    return replace(clean, **{key: value for change in changes for key, value in change.items()})


def first_open(faults, skips, column):
    """What the first fault that no flag skips comes to."""
    for fault in faults:
        if fault[column] is not None and not (fault[2] is not None and fault[2] & skips):
            return fault[column]
    return None


def test_the_product_is_whole():
    assert len(SKIPS) == 16
    assert len(PAIRS) == 45


@pytest.mark.parametrize("skips", SKIPS)
def test_a_clean_order_passes_whatever_it_skips(skips):
    assert judge(facts(), skips) is None
    assert judge_again(facts(), skips) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_refuses_unless_its_own_flag_is_set(fault):
    tripped, (_, refusal, flag, _) = facts(fault[0]), fault
    assert {skips: judge(tripped, skips) for skips in SKIPS} == {
        skips: None if flag is not None and flag & skips else refusal for skips in SKIPS
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_asking_honours_the_same_flags(fault):
    tripped, (_, _, flag, drop) = facts(fault[0]), fault
    assert {skips: judge_again(tripped, skips) for skips in SKIPS} == {
        skips: None if flag is not None and flag & skips else drop for skips in SKIPS
    }


@pytest.mark.parametrize("faults", PAIRS)
def test_of_two_faults_the_first_that_is_not_skipped_wins(faults):
    tripped = facts(faults[0][0], faults[1][0])
    for skips in SKIPS:
        assert judge(tripped, skips) is first_open(faults, skips, 1), skips
        assert judge_again(tripped, skips) is first_open(faults, skips, 3), skips


@pytest.mark.parametrize("skips", SKIPS)
def test_of_all_faults_at_once_the_first_wins(skips):
    at_once = [fault for fault in FAULTS if "sending_list" not in fault[0]]
    tripped = facts(*(fault[0] for fault in at_once))
    assert judge(tripped, skips) is first_open(at_once, skips, 1)


def test_an_own_carrier_that_is_verified_passes():
    assert judge(facts(of_list(byoc=True, verified_at=1))) is None


# Of these none opens a check: two are marks, and two say when a message leaves.
NO_CHECKS = (Skip.NONE, Skip.RATE_LIMIT, Skip.AUTOMATIC, Skip.CAMPAIGN, Skip.QUIET_HOURS)


def test_each_flag_but_those_that_open_nothing_belongs_to_exactly_one_check():
    owned = [check.skip for check in CHECKS if check.skip is not Skip.NONE]
    assert sorted(owned) == sorted(set(Skip) - set(NO_CHECKS))


def test_every_refusal_of_the_gate_is_in_the_table():
    # A full queue is the account's depth, not the order's fault: the service refuses it.
    assert {fault[1] for fault in FAULTS} == set(Refusal) - {Refusal.QUEUE_FULL}


def test_every_drop_of_a_second_asking_is_in_the_table():
    asked_again = {fault[3] for fault in FAULTS} - {None}
    assert asked_again == set(DropReason) - {
        DropReason.STALE,
        DropReason.ORPHAN,
        DropReason.CANCELLED,
        DropReason.QUIET_HOURS,
        DropReason.CAMPAIGN_STOPPED,
    }
