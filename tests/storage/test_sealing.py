"""Sealing: opens with the same key and context only, and shows nothing."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.errors import SetupError
from sendrail.storage.sealing import seal, unseal

KEY = bytes(range(32))


@given(st.binary(), st.binary())
def test_what_is_sealed_opens_again(plaintext, context):
    assert unseal(KEY, seal(KEY, plaintext, context), context) == plaintext


@given(st.data())
def test_no_changed_byte_opens(data):
    sealed = bytearray(seal(KEY, b"a password", b"link 1"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SetupError):
        unseal(KEY, bytes(sealed), b"link 1")


@pytest.mark.parametrize(("key", "context"), [(bytes(32), b"link 1"), (KEY, b"link 2"), (KEY, b"")])
def test_neither_another_key_nor_another_context_opens(key, context):
    with pytest.raises(SetupError) as caught:
        unseal(key, seal(KEY, b"a password", b"link 1"), context)
    assert caught.value.code == "wrong_master_key"


@pytest.mark.parametrize("length", range(0, 28, 3))
def test_what_is_too_short_to_be_sealed_does_not_open(length):
    with pytest.raises(SetupError):
        unseal(KEY, bytes(length), b"")


def test_it_is_aes_gcm_with_the_nonce_in_front():
    sealed = seal(KEY, b"a password", b"link 1")
    assert AESGCM(KEY).decrypt(sealed[:12], sealed[12:], b"link 1") == b"a password"


def test_the_same_text_is_never_sealed_the_same():
    assert len({seal(KEY, b"a password", b"") for _ in range(100)}) == 100
