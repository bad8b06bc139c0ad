"""Short ids are a permutation of the slots of links that never changes."""

import random
import re

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.short_ids import (
    FIRST_STANDALONE,
    SLOTS,
    ShortIds,
    message_of,
    message_slot,
    standalone_of,
    standalone_slot,
)

KEY = bytes(range(16))
IDS = ShortIds(KEY)
LETTERS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjkmnpqrstvwxyz"
HALF = 947_318  # the smallest whose square is not below 51**7

slots = st.integers(0, SLOTS - 1)


def enciphered(key, step, value):
    block = value.to_bytes(8, "little") + step.to_bytes(8, "little")
    return int.from_bytes(
        Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)[:8], "little"
    )


def once(key, value):
    left, right = divmod(value, HALF)
    for step in range(8):
        left, right = right, (left + enciphered(key, step, right)) % HALF
    return left * HALF + right


def back(key, value):
    left, right = divmod(value, HALF)
    for step in range(7, -1, -1):
        left, right = (right - enciphered(key, step, left)) % HALF, left
    return left * HALF + right


def spelled(value, length):
    digits = ""
    for _ in range(length):
        value, digit = divmod(value, 51)
        digits = LETTERS[digit] + digits
    return digits


def spelled_out(key, slot, letters):
    """The same permutation as its definition has it, without arrays and tables."""
    value = once(key, slot)
    while value >= 51**7:
        value = once(key, value)
    check = spelled(enciphered(key, 255, slot) % 51**3, 3)
    return (spelled(value, 7) + check)[:letters]


# Frozen: links that are on handsets must lead to the same message in every version to come.
@pytest.mark.parametrize(
    ("slot", "shown"),
    [
        (0, "Nrq9wH49fq"),
        (1, "Jw0gXdsz8z"),
        (4, "744tYkfGQ4"),
        (4_000_000, "0gfT4GG3WM"),
        (841_322_510_485, "FY9sVF1PN6"),
        (841_322_510_486, "9fWws6WM0q"),
        (897_410_677_850, "892kGSFk45"),
    ],
)
def test_a_short_id_never_changes(slot, shown):
    assert IDS.show(slot, 10) == shown
    assert IDS.show(slot) == shown[:7]
    assert IDS.read(shown[:7]) == IDS.read(shown, 10) == slot


@given(st.binary(min_size=16, max_size=16), slots, st.sampled_from([7, 10]))
def test_a_short_id_is_the_network_it_says_it_is(key, slot, letters):
    assert ShortIds(key).show(slot, letters) == spelled_out(key, slot, letters)


@given(st.lists(slots, max_size=20), st.sampled_from([7, 10]))
def test_many_are_shown_and_read_as_each_alone(many, letters):
    shown = [IDS.show(slot, letters) for slot in many]
    assert all(re.fullmatch(f"[{LETTERS}]{{{letters}}}", each) for each in shown)
    assert IDS.show_many(many, letters) == shown
    assert IDS.read_many(shown, letters) == [IDS.read(each, letters) for each in shown] == many


def test_a_value_beyond_the_space_walks_on():
    beyond = range(SLOTS, SLOTS + 30)
    walking = [slot for slot in (back(KEY, value) for value in beyond) if slot < SLOTS]
    assert len(walking) > 20
    shown = IDS.show_many(walking)
    assert shown == [spelled_out(KEY, slot, 7) for slot in walking]
    assert shown == [IDS.show(slot) for slot in walking]
    assert IDS.read_many(shown) == [IDS.read(each) for each in shown] == walking


def test_both_ends_and_a_sample_have_ids_of_their_own():
    ends = [*range(50_000), *range(SLOTS - 50_000, SLOTS)]
    sample = random.Random(5).sample(range(50_000, SLOTS - 50_000), 50_000)
    shown = IDS.show_many(ends + sample)
    assert len(set(shown)) == 150_000
    assert IDS.read_many(shown) == ends + sample


def test_neighbours_have_nothing_in_common():
    shown = IDS.show_many(range(20_000))
    for at in range(7):
        counts = [sum(each[at] == letter for each in shown) for letter in LETTERS]
        assert min(counts) > 250
        assert max(counts) < 550


@pytest.mark.parametrize("letters", [7, 10])
def test_another_key_knows_another_permutation(letters):
    shown = IDS.show_many(range(1000), letters)
    read = ShortIds(b"another id key!!").read_many(shown, letters)
    # The checked letters of one key are hardly ever those of another.
    assert sum(slot is None for slot in read) == (0 if letters == 7 else 1000)
    assert not set(read) & set(range(1000))


@given(st.text(alphabet=LETTERS, min_size=7, max_size=7))
def test_every_seven_letters_are_some_slot(text):
    slot = IDS.read(text)
    assert 0 <= slot < SLOTS
    assert IDS.show(slot) == text


def test_of_a_long_id_the_further_letters_must_fit():
    shown = IDS.show(77, 10)
    wrong = [shown[:7] + end for end in ("000", shown[9] + shown[7:9]) if end != shown[7:]]
    assert IDS.read_many([shown, *wrong], 10) == [77, *[None] * len(wrong)]
    assert IDS.read(shown[:7], 10) is None
    assert IDS.read(shown, 7) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "000000",
        "00000000",
        "00000A0",
        "l000000",
        "000000l",
        "00000é0",
        "0000 00",
        "0000-00",
    ],
)
def test_what_is_no_short_id_is_read_as_none(text):
    assert IDS.read(text) is None
    assert IDS.read_many([text, "0000000"]) == [None, IDS.read("0000000")]


@given(st.integers(0, FIRST_STANDALONE // 4 - 1), st.integers(0, 3))
def test_a_slot_is_a_messages_number_and_a_position(number, position):
    slot = message_slot(number, position)
    assert slot == number * 4 + position
    assert message_of(slot) == (number, position)
    assert standalone_of(slot) is None


@given(st.integers(0, SLOTS - FIRST_STANDALONE - 1))
def test_the_top_sixteenth_belongs_to_standalone_links(link):
    slot = standalone_slot(link)
    assert SLOTS - SLOTS // 16 <= slot < SLOTS
    assert standalone_of(slot) == link
    assert message_of(slot) is None


def test_what_does_not_fit_is_an_error():
    with pytest.raises(AssertionError):
        message_slot(1, 4)
    with pytest.raises(AssertionError):
        message_slot(FIRST_STANDALONE // 4 + 1, 0)
    with pytest.raises(AssertionError):
        standalone_slot(SLOTS - FIRST_STANDALONE)
    with pytest.raises(AssertionError):
        ShortIds(b"short")
