"""Public ids are a permutation that never changes, and so are the lanes."""

import hashlib
import random
import re
import string

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.ids import LANES, ContactIds, MessageIds, lane_of

SIZE = 62**8
KEY = bytes(range(16))
IDS = MessageIds(KEY)
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase

numbers = st.integers(0, SIZE - 1)


def spelled_out(key, number):
    """The same permutation, one block at a time and without arrays."""

    def mixed(step, half):
        block = half.to_bytes(8, "little") + step.to_bytes(8, "little")
        enciphered = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)
        return int.from_bytes(enciphered[:8], "little")

    left, right = divmod(number, 62**4)
    for step in range(4):
        left, right = right, (left + mixed(step, right)) % 62**4
    value, digits = left * 62**4 + right, ""
    for _ in range(8):
        value, digit = divmod(value, 62)
        digits = ALPHABET[digit] + digits
    return digits


# Frozen: ids that customers hold must mean the same message in every version to come.
@pytest.mark.parametrize(
    ("key", "number", "shown"),
    [
        (KEY, 0, "rPoyObEN"),
        (KEY, 1, "b27VxPbN"),
        (KEY, 2, "L5T2Bz5I"),
        (KEY, 61, "QqZiQT7T"),
        (KEY, 62, "JFA5Fn97"),
        (KEY, 62**4 - 1, "T438T8nX"),
        (KEY, 62**4, "x4vwl6DW"),
        (KEY, 1_000_000, "31AyFimF"),
        (KEY, SIZE - 1, "ZnZvxQH0"),
        (b"sendrail id key!", 0, "v0wfebp2"),
        (b"sendrail id key!", 4097, "RQonWycV"),
        (b"sendrail id key!", SIZE - 1, "0c2x7yRH"),
    ],
)
def test_an_id_never_changes(key, number, shown):
    assert MessageIds(key).show(number) == shown
    assert MessageIds(key).read(shown) == number


@given(st.binary(min_size=16, max_size=16), numbers)
def test_an_id_is_the_feistel_network_it_says_it_is(key, number):
    assert MessageIds(key).show(number) == spelled_out(key, number)


@given(numbers)
def test_what_is_shown_is_read_back(number):
    shown = IDS.show(number)
    assert len(shown) == 8
    assert set(shown) <= set(ALPHABET)
    assert IDS.read(shown) == number


@given(st.text(alphabet=ALPHABET, min_size=8, max_size=8))
def test_every_text_of_eight_letters_and_digits_is_some_message(text):
    number = IDS.read(text)
    assert 0 <= number < SIZE
    assert IDS.show(number) == text


@given(st.lists(numbers, max_size=50))
def test_many_at_once_are_the_same_as_one_by_one(many):
    assert IDS.show_many(many) == [IDS.show(number) for number in many]


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 700)), max_size=8))
def test_a_run_is_the_same_as_one_by_one_wherever_it_begins(runs):
    ids = MessageIds(KEY)
    for first, count in runs:
        assert ids.show_run(first, count) == ids.show_many(range(first, first + count))


@pytest.mark.parametrize(
    "text", ["", "rPoyObE", "rPoyObENN", "rPoyObE-", "rPoyObE ", "rPoyObE\n", "rPoyObEé", "٣" * 8]
)
def test_what_cannot_be_an_id_is_none(text):
    assert IDS.read(text) is None


def test_a_quarter_of_a_million_neighbours_do_not_collide_and_look_like_dice():
    shown = IDS.show_many(range(250_000))
    assert len(set(shown)) == 250_000
    # Each of the 62 letters should stand first about 4,032 times: 6 sigma is 380.
    first = [sum(text[0] == letter for text in shown[:62_000]) for letter in ALPHABET]
    assert all(abs(count - 1_000) < 190 for count in first)


def test_another_key_is_another_permutation():
    other = MessageIds(bytes(16))
    assert IDS.show(1) != other.show(1)
    assert IDS.read(other.show(1)) != 1


# Frozen: a lane stands on every hot row ever written.
@pytest.mark.parametrize(
    ("list_id", "lane"),
    [(0, 0), (1, 2531), (2, 966), (3, 3498), (10, 738), (4096, 1913), (10_000, 1392),
     (2**40 + 1, 3723)],
)  # fmt: skip
def test_a_lane_never_changes(list_id, lane):
    assert lane_of(list_id) == lane


@given(st.integers(0, 2**63 - 1))
def test_a_lane_is_one_of_the_lanes(list_id):
    assert 0 <= lane_of(list_id) < LANES


@pytest.mark.parametrize("step", [1, 2, 1000, 4096])
def test_lists_spread_evenly_over_the_lanes(step):
    start = random.Random(step).randrange(10**6)
    crowd = [0] * LANES
    for each in range(LANES):
        crowd[lane_of(start + each * step)] += 1
    assert max(crowd) <= 8


# Contacts


@pytest.fixture
def contact_ids():
    return ContactIds(bytes(range(32)))


def test_a_contacts_id_is_a_keyed_digest(contact_ids):
    # blake2b as RFC 7693 has it, asked by its own name: 12 bytes, a key and a person.
    made = hashlib.blake2b(
        b"7 15550100001", key=bytes(range(32)), person=b"contact", digest_size=12
    )
    assert contact_ids.contact(7, 15550100001) == made.hexdigest()
    assert re.fullmatch(r"[0-9a-f]{24}", made.hexdigest())


def test_contacts_ids_differ_by_whose_they_are_and_by_the_key(contact_ids):
    other = ContactIds(bytes(32))
    made = {
        contact_ids.contact(1, 15550100001),
        contact_ids.contact(2, 15550100001),
        contact_ids.contact(1, 15550100002),
        contact_ids.list_contact(1, 15550100001),
        contact_ids.list_contact(2, 15550100001),
        other.contact(1, 15550100001),
        # The parts do not run together.
        contact_ids.contact(11, 5550100001),
    }
    assert len(made) == 7
    assert contact_ids.contact(1, 15550100001) in made
