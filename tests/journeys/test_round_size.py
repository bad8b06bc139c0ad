"""How many turns a round takes: many while many are due."""

from sendrail.journeys.round_size import ROUND, ROUND_MAX, RoundSize


def sizes(found, most=ROUND_MAX):
    """Return the sizes of rounds that find so many due, one after the other."""
    size, taken = RoundSize(most), []
    for due in found:
        limit = size.limit()
        taken.append(limit)
        size.done(min(due, limit))
    return taken


def test_a_round_grows_while_all_that_it_takes_is_due():
    assert sizes([10_000] * 5) == [ROUND, 2 * ROUND, 4 * ROUND, 4 * ROUND, 4 * ROUND]
    assert ROUND_MAX == 4 * ROUND


def test_a_round_is_small_again_once_little_is_due():
    assert sizes([10_000, 10_000, 3, 10_000]) == [ROUND, 2 * ROUND, 4 * ROUND, ROUND]


def test_a_round_that_is_half_full_is_followed_by_one_as_large():
    assert sizes([10_000, 150, 150]) == [ROUND, 2 * ROUND, 2 * ROUND]


def test_no_round_is_larger_than_what_it_is_given():
    assert sizes([10_000] * 3, most=1) == [1, 1, 1]
    assert sizes([10_000] * 3, most=150) == [ROUND, 150, 150]
