"""A click's id says what was clicked, when and by whom, and nobody else can make one."""

import string

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.click_ids import ClickIds
from sendrail.domain.short_ids import SLOTS

KEY = bytes(range(16))
IDS = ClickIds(KEY)
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def spelled_out(key, slot, after_ms, click_class):
    bits = f"{slot:042b}{after_ms:042b}{click_class:03b}{0:041b}"
    block = int(bits, 2).to_bytes(16, "big")
    value = int.from_bytes(Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block))
    return "".join(ALPHABET[value // 62**at % 62] for at in reversed(range(22)))


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, SLOTS - 1),
    st.integers(0, 2**42 - 1),
    st.integers(0, 7),
)
def test_what_an_id_says_is_read_back(key, slot, after_ms, click_class):
    shown = ClickIds(key).show(slot, after_ms, click_class)
    assert shown == spelled_out(key, slot, after_ms, click_class)
    assert ClickIds(key).read(shown) == (slot, after_ms, click_class)


# Frozen: partners hold these ids until they report a conversion.
def test_a_click_id_never_changes():
    assert IDS.show(5, 6, 7) == "6bkeYRbX6gfYTc4mpv7NuR"


@given(st.text(alphabet=ALPHABET, min_size=22, max_size=22))
def test_an_invented_id_is_none(text):
    assert IDS.read(text) is None


@pytest.mark.parametrize("at", range(22))
def test_a_changed_letter_is_noticed(at):
    shown = IDS.show(1, 2, 3)
    other = "0" if shown[at] != "0" else "1"
    assert IDS.read(shown[:at] + other + shown[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "0" * 21, "0" * 23, "z" * 22, "é" * 22, "-" * 22])
def test_what_has_not_the_form_is_none(text):
    assert IDS.read(text) is None


def test_another_key_reads_nothing():
    assert ClickIds(b"another id key!!").read(IDS.show(1, 2, 3)) is None


@pytest.mark.parametrize(("after_ms", "kept"), [(-1, 0), (2**42, 2**42 - 1)])
def test_a_time_that_does_not_fit_is_the_nearest(after_ms, kept):
    assert IDS.read(IDS.show(1, after_ms, 2)).after_ms == kept


def test_what_no_click_has_is_an_error():
    with pytest.raises(AssertionError):
        IDS.show(2**42, 0, 0)
    with pytest.raises(AssertionError):
        IDS.show(0, 0, 8)
