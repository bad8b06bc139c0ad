"""Texts that come in parts: any order, twice, never; and a keyword counts on the whole."""

from itertools import permutations

import pytest

from sendrail.domain.consent import ReplyPolicy
from sendrail.domain.receipt import Reply, ReplyPart
from sendrail.domain.text import Alphabet, decode
from sendrail.receipts.apply import Policies

ANN, BEN = 15550100001, 15550100002
WAIT = 60.0


@pytest.fixture
def road(make_road):
    road = make_road(policies=Policies(replies=ReplyPolicy(parts_within_ms=int(WAIT * 1000))))
    road.sender = road.add_list()
    road.start_all()
    return road


def part(road, body, number, total=3, reference=7, sender=ANN, **more):
    return Reply(
        sender=sender,
        list_number=road.sender.number,
        body=body,
        part=ReplyPart(reference=reference, total=total, number=number),
        **more,
    )


def hear(road, *parts, connector=None):
    road.callback(*parts, connector=connector)
    road.pass_time(1)


def bodies(road):
    return [body for (body,) in road.sql("SELECT body FROM replies ORDER BY id")]


def is_off(road, recipient=ANN):
    return bool(
        road.sql("SELECT 1 FROM list_contacts WHERE recipient = ? AND NOT active", recipient)
    )


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
@pytest.mark.parametrize("together", [True, False])
def test_parts_are_joined_in_their_order_whatever_order_they_come_in(road, order, together):
    texts = {1: "please ", 2: "remove m", 3: "e"}
    parts = [part(road, texts[number], number) for number in order]
    if together:
        hear(road, *parts)
    else:
        for each in parts:
            assert bodies(road) == []
            hear(road, each)
    assert bodies(road) == ["please remove me"]
    assert is_off(road)


def test_a_keyword_in_one_part_alone_is_read_in_the_whole(road):
    hear(road, part(road, "STOP", 1, 2), part(road, " by at five, I shall be in the shop", 2, 2))
    assert bodies(road) == ["STOP by at five, I shall be in the shop"]
    assert not is_off(road)


def test_a_part_that_comes_twice_counts_once_even_after_the_text_is_whole(road):
    first, second = part(road, "hello ", 1, 2), part(road, "you", 2, 2)
    hear(road, first, first)
    hear(road, second)
    hear(road, first, second)
    road.pass_time(2 * WAIT)
    assert bodies(road) == ["hello you"]
    assert road.sql("SELECT count(*) FROM reply_parts") == [(0,)]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_all_parts_of_a_text_may_have_one_id(road, order):
    texts = {1: "please remove m", 2: "e"}
    parts = [part(road, texts[number], number, 2, carrier_ref="mo-1") for number in order]
    for each in parts:
        hear(road, each)
    assert bodies(road) == ["please remove me"]
    assert is_off(road)
    hear(road, *parts)
    road.pass_time(2 * WAIT)
    assert bodies(road) == ["please remove me"]


def test_a_stop_whose_other_part_is_lost_does_not_wait_for_ever(road):
    hear(road, part(road, "STOP", 1, 2))
    road.pass_time(WAIT - 3)
    assert not is_off(road)
    road.pass_time(4)
    assert is_off(road)
    assert bodies(road) == ["STOP"]
    assert len(road.carrier.taken) == 1
    assert road.counted("replies_total", keyword="stop") == 1


def test_what_came_is_taken_with_its_gap(road):
    hear(road, part(road, "one ", 1), part(road, "three", 3))
    road.pass_time(WAIT + 1)
    assert bodies(road) == ["one three"]


def test_texts_are_told_apart_by_connector_sender_reference_and_length(road):
    road.stop_all()
    other = road.add_connector()
    road.start_all()
    hear(road, part(road, "a", 1, 2), part(road, "B", 2, 2, sender=BEN))
    hear(road, part(road, "C", 2, 2, reference=8), part(road, "D", 2, 3))
    hear(road, part(road, "E", 2, 2), connector=other)
    assert bodies(road) == []
    hear(road, part(road, "b", 2, 2))
    assert bodies(road) == ["ab"]


def test_another_text_under_the_same_reference_does_not_mix_with_the_first(road):
    hear(road, part(road, "old ", 1, 2))
    hear(road, part(road, "new ", 1, 2), part(road, "text", 2, 2))
    assert bodies(road) == ["old ", "new text"]
    hear(road, part(road, "newest ", 1, 2), part(road, "one", 2, 2))
    assert bodies(road) == ["old ", "new text", "newest one"]


@pytest.mark.parametrize(("number", "total"), [(1, 1), (0, 2), (3, 2), (1, 0)])
def test_a_part_that_makes_no_sense_is_a_text(road, number, total):
    hear(road, part(road, "STOP", number, total))
    assert bodies(road) == ["STOP"]


def test_one_part_that_the_carrier_has_answered_answers_the_text(road):
    hear(road, part(road, "STO", 1, 2, answered=True), part(road, "P", 2, 2))
    assert is_off(road)
    assert road.carrier.taken == []


def test_parts_survive_a_crash_between_them(road):
    hear(road, part(road, "ST", 1, 2))
    road.stop_all()
    road.start_all()
    hear(road, part(road, "OP", 2, 2))
    assert is_off(road)


def cut(road, alphabet, *pieces, reference=7):
    """Return the parts of a text as a carrier has them that hands over octets."""
    return [
        Reply(
            sender=ANN,
            list_number=road.sender.number,
            # Alone it may be anything.
            body=decode(octets, alphabet).replace("\0", ""),
            part=ReplyPart(
                reference=reference,
                total=len(pieces),
                number=number,
                octets=octets,
                alphabet=alphabet,
            ),
        )
        for number, octets in enumerate(pieces, 1)
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("alphabet", "octets", "text"),
    [
        (Alphabet.UCS2, "hi \U0001f600 you".encode("utf-16-be"), "hi \U0001f600 you"),
        (Alphabet.GSM7, b"5\x1be, [\x1b<x\x1b>]", "5€, Ä[x]Ñ"),
        (Alphabet.LATIN1, b"caf\xe9", "café"),
    ],
)
def test_parts_are_joined_before_they_are_read(road, alphabet, octets, text, order):
    for at in range(1, len(octets)):
        parts = cut(road, alphabet, octets[:at], octets[at:], reference=at)
        for index in order:
            road.callback(parts[index])
    road.pass_time(1)
    assert bodies(road) == [text] * (len(octets) - 1)


def test_a_stop_that_is_cut_in_a_character_is_a_stop(road):
    octets = "STOP".encode("utf-16-be")
    hear(road, *cut(road, Alphabet.UCS2, octets[:3], octets[3:]))
    assert bodies(road) == ["STOP"]
    assert is_off(road)


def test_what_does_not_belong_together_is_read_alone(road):
    first, _, third = cut(road, Alphabet.GSM7, b"5\x1b", b"e", b"e!")
    hear(road, first, third)
    road.pass_time(WAIT + 1)
    # The escape at the end of the first has nothing to escape: 3GPP TS 23.038, 6.2.1.1.
    assert bodies(road) == ["5 e!"]
    [gsm, _] = cut(road, Alphabet.GSM7, b"caf\x05", b"")
    [_, ucs2] = cut(road, Alphabet.UCS2, b"", "я".encode("utf-16-be"))
    hear(road, gsm, ucs2)
    assert bodies(road)[-1] == "caféя"
