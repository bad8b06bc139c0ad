"""JSON too deep or with half a character, against what Python's own decoder makes of it."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.json_text import MARK, flattened, marked, nests_deeper, unmarked

# Texts that look like structure, escapes and halves of pairs.
TEXTS = st.text(st.sampled_from('[]{}"\\u,:dD8c\ud83d\ude00\udfff\ud800é🎉\n\0'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=30,
)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def cut(value, levels):
    if isinstance(value, dict):
        return {k: cut(v, levels - 1) for k, v in value.items()} if levels > 1 else {}
    if isinstance(value, list):
        return [cut(v, levels - 1) for v in value] if levels > 1 else []
    return value


def halves_as(value, mark):
    """Return a value with each half of a surrogate pair in its texts replaced."""
    if isinstance(value, dict):
        return {halves_as(k, mark): halves_as(v, mark) for k, v in value.items()}
    if isinstance(value, list):
        return [halves_as(v, mark) for v in value]
    if isinstance(value, str):
        return "".join(mark if "\ud800" <= each <= "\udfff" else each for each in value)
    return value


@given(VALUES, st.integers(1, 6))
def test_depth_is_what_a_decoder_finds(value, levels):
    written = json.dumps(value).encode()
    assert nests_deeper(written, levels) is (depth(value) > levels)


@given(VALUES, st.integers(1, 6))
def test_what_is_too_deep_is_empty(value, levels):
    written = json.dumps(value).encode()
    made = json.loads(flattened(written, levels))
    read = json.loads(written)
    assert made == (cut(read, levels) if depth(read) > levels else read)


@given(VALUES)
def test_every_half_of_a_pair_is_marked_and_nothing_else(value):
    written = json.dumps(value).encode()
    # Python joins two halves that meet; what it reads back is the truth.
    assert json.loads(marked(written)) == halves_as(json.loads(written), MARK)
    assert halves_as(json.loads(unmarked(marked(written))), MARK) == json.loads(marked(written))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (rb'"\ud83d"', rb'"\uFfFe"'),
        (rb'"\uDE00\uD83D"', rb'"\uFfFe\uFfFe"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\uFfFe\ud83d\ude00"'),
        (rb'"\ud83d\ude00\ude00"', rb'"\ud83d\ude00\uFfFe"'),
        # An escaped backslash, then letters.
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\uFfFe"'),
        (rb'"\ud83d\n\ude00"', rb'"\uFfFe\n\uFfFe"'),
        # A broken escape is left to the decoder.
        (rb'"\ud8', rb'"\ud8'),
        (rb'"\u12 \ud83d', rb'"\u12 \uFfFe'),
        (b'"\\', b'"\\'),
    ],
)
def test_halves_by_hand(written, expected):
    assert marked(written) == expected


def test_too_much_is_not_even_tried():
    assert flattened(b"[" * 501 + b"]" * 501 + b"[]" * 100_000) is None
    assert marked(rb"\ud83d" * 10_002) is None


@pytest.mark.parametrize(
    "hostile",
    [
        b"[" * 5_000_000,
        b"[" * 2_500_000 + b"]" * 2_500_000,
        b"[]," * 1_600_000,
        b'"' * 5_000_000,
        b'\\"' * 2_500_000,
        b'"' + b'\\"' * 2_499_999 + b"\\",
        b"\\" * 5_000_000,
        rb"\ud83d" * 830_000,
        rb"\ud83d\ude00" * 415_000,
        rb"\n" * 2_500_000 + rb"\ud83d",
        b'["\\ud83d' * 550_000,
    ],
    ids=lambda hostile: repr(hostile[:12]),
)
def test_work_grows_no_faster_than_the_input(hostile):
    # Of this thread alone: servers of other tests work in theirs.
    def seconds(json_text):
        started = time.thread_time()
        nests_deeper(json_text, 64)
        flattened(json_text)
        marked(json_text)
        return time.thread_time() - started

    # Of ten times the input a quadratic step would make a hundred times the work. The least of
    # several is what neighbours on the machine disturb least.
    small = min(seconds(hostile[: len(hostile) // 10]) for _ in range(3))
    assert min(seconds(hostile) for _ in range(3)) < 0.5 + 50 * small
