"""Of two secrets the one before is good to the end of its time, and not at it."""

from types import SimpleNamespace

import pytest

from sendrail.domain.overlap import live_secrets


@pytest.mark.parametrize(
    ("secret", "old", "until", "live"),
    [
        (None, None, None, []),
        (b"new", None, None, [b"new"]),
        (b"new", b"old", 101, [b"new", b"old"]),
        (b"new", b"old", 100, [b"new"]),
        (b"new", b"old", None, [b"new"]),
        (b"new", None, 101, [b"new"]),
        (None, b"old", 101, [b"old"]),
    ],
)
def test_the_newest_comes_first_and_the_old_one_ends(secret, old, until, live):
    kept = SimpleNamespace(secret=secret, old_secret=old, old_secret_until=until)
    assert live_secrets(kept, 100) == live
