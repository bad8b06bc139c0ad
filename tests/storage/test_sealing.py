"""Secrets at rest: only the right key and the right context open them."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.errors import SetupError
from sendrail.storage.sealing import seal, unseal

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_comes_back(secret, context):
    assert unseal(KEY, seal(KEY, secret, context), context) == secret


def test_the_same_secret_is_never_sealed_alike_and_never_shows():
    sealed = {seal(KEY, b"whsec_secret", b"here") for _ in range(100)}
    assert len(sealed) == 100
    assert not any(b"secret" in each for each in sealed)


@pytest.mark.parametrize(("key", "context"), [(OTHER, b"here"), (KEY, b"there")])
def test_another_key_or_another_place_opens_nothing(key, context):
    with pytest.raises(SetupError, match=r"master\.key") as caught:
        unseal(key, seal(KEY, b"secret", b"here"), context)
    assert caught.value.code == "wrong_master_key"


def test_it_is_aes_gcm_behind_its_version_and_nonce():
    sealed = seal(KEY, b"secret", b"here")
    assert AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], sealed[:1] + b"here") == b"secret"


def test_every_flipped_or_missing_byte_is_noticed():
    sealed = seal(KEY, b"secret", b"here")
    flipped = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    for damaged in (*flipped, *(sealed[:n] for n in range(len(sealed)))):
        with pytest.raises(SetupError):
            unseal(KEY, damaged, b"here")
