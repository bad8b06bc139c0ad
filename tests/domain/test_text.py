"""The size of a text, by tables from the specification, by laws, and by four counters not ours.

Twilio's `sms-segments-calculator` and `split-sms` (npm, in `tests/oracles`) and `smsutil` (PyPI)
judge the count and the cuts, `gsm0338` (PyPI) the septets.
"""

import json
import random
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import gsm0338
import pytest
import smsutil
from gsm0338.charset import BASIC_CHARACTER_SET, BASIC_CHARACTER_SET_EXTENSION
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sendrail.domain.text import Encoding, TextSize, decode_gsm7, encode_gsm7, measure, split

ORACLES = Path(__file__).parents[1] / "oracles"
GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2

ESC = 0x1B
DEFAULT = {
    code: unicodedata.lookup(name) for code, name in BASIC_CHARACTER_SET.items() if code != ESC
}
EXTENSION = {code: unicodedata.lookup(name) for code, name in BASIC_CHARACTER_SET_EXTENSION.items()}

SHY = "\N{GRINNING FACE}"  # outside the BMP: a surrogate pair
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"

# Each kind of character that counts differently; a text draws from some of them.
BASIC = "".join(DEFAULT.values())
EXTENDED = "".join(EXTENSION.values())
LATIN = "`çáíóúÁâêîôûãõčšžłğışőțœÿ“”‘’–—…\u00a0\u200b\t"  # noqa: RUF001 -- look-alikes are the point
CJK = "你好世界短信こんにちは안녕하세요，。"  # noqa: RUF001 -- the full-width comma is meant
EMOJI = f"{SHY}🎉🔥💯🚀𝒜𠮷"
CLUSTERS = (FAMILY, FLAG, "👍🏽", "❤\ufe0f", "e\u0301", "1\ufe0f\u20e3")

SIZES = (
    0,
    1,
    2,
    66,
    67,
    68,
    69,
    70,
    71,
    133,
    134,
    135,
    152,
    153,
    154,
    159,
    160,
    161,
    305,
    306,
    307,
)


def units_of(text: str) -> int:
    """Reckon the units of a text by codecs that are not ours."""
    if set(text) <= set(BASIC + EXTENDED):
        return len(gsm0338.Codec().encode(text)[0])
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def runs_of(*kinds: str | tuple[str, ...]) -> st.SearchStrategy[str]:
    """Draw texts as runs of one character each: long, close to a boundary, quick to draw."""
    piece = st.one_of([st.sampled_from(kind) for kind in kinds])
    length = st.one_of(st.integers(1, 9), st.sampled_from(SIZES), st.integers(1, 160))
    return st.lists(st.builds(str.__mul__, piece, length), max_size=6).map("".join)


gsm7_texts = runs_of(BASIC, EXTENDED)
ucs2_texts = runs_of(BASIC, EXTENDED, LATIN, CJK, EMOJI)
any_texts = st.one_of(gsm7_texts, ucs2_texts, runs_of(BASIC, EMOJI, CLUSTERS), st.text())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (GSM7, 0, 1)),
        ("a", (GSM7, 1, 1)),
        ("a" * 160, (GSM7, 160, 1)),
        ("a" * 161, (GSM7, 161, 2)),
        ("a" * 306, (GSM7, 306, 2)),
        ("a" * 307, (GSM7, 307, 3)),
        ("a" * 459, (GSM7, 459, 3)),
        ("a" * 460, (GSM7, 460, 4)),
        ("я" * 70, (UCS2, 70, 1)),
        ("я" * 71, (UCS2, 71, 2)),
        ("я" * 134, (UCS2, 134, 2)),
        ("я" * 135, (UCS2, 135, 3)),
        # One character outside GSM-7 changes the coding of all the others; `[` is one unit then.
        ("[" * 69 + "я", (UCS2, 70, 1)),
        ("[" * 80, (GSM7, 160, 1)),
        ("a" * 158 + "€", (GSM7, 160, 1)),
        ("a" * 159 + "€", (GSM7, 161, 2)),
        # An ESC pair that would straddle the end of a segment moves whole into the next, and the
        # septet it leaves empty makes 306 units too many for two segments.
        ("a" * 151 + "€" + "a" * 153, (GSM7, 306, 2)),
        ("a" * 152 + "€" + "a" * 151, (GSM7, 305, 2)),
        ("a" * 152 + "€" + "a" * 152, (GSM7, 306, 3)),
        ("€" * 152, (GSM7, 304, 2)),
        ("€" * 153, (GSM7, 306, 3)),
        # The same of a surrogate pair.
        (SHY * 35, (UCS2, 70, 1)),
        (SHY * 36, (UCS2, 72, 2)),
        ("я" * 65 + SHY + "я" * 67, (UCS2, 134, 2)),
        ("я" * 66 + SHY + "я" * 65, (UCS2, 133, 2)),
        ("я" * 66 + SHY + "я" * 66, (UCS2, 134, 3)),
        (SHY * 66, (UCS2, 132, 2)),
        (SHY * 67, (UCS2, 134, 3)),
        ("\r\n", (GSM7, 2, 1)),
        ("\f", (GSM7, 2, 1)),
        # Look-alikes that the alphabet does not have.
        ("ç", (UCS2, 1, 1)),
        ("`", (UCS2, 1, 1)),
        ("\t", (UCS2, 1, 1)),
        ("\x1b", (UCS2, 1, 1)),
        ("\ud83d", (UCS2, 1, 1)),
    ],
)
def test_a_text_is_measured_as_the_specification_counts(text, expected):
    assert measure(text) == TextSize(*expected)


def test_the_encodings_have_stable_names():
    assert [*Encoding] == ["gsm7", "ucs2"]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", [""]),
        ("a" * 160, ["a" * 160]),
        ("a" * 161, ["a" * 153, "a" * 8]),
        ("a" * 152 + "€" + "b" * 7, ["a" * 152, "€" + "b" * 7]),
        ("a" * 151 + "€" + "b" * 8, ["a" * 151 + "€", "b" * 8]),
        ("я" * 71, ["я" * 67, "я" * 4]),
        ("я" * 66 + SHY + "я" * 3, ["я" * 66, SHY + "я" * 3]),
        (SHY * 36, [SHY * 33, SHY * 3]),
    ],
)
def test_a_text_is_cut_where_no_character_breaks(text, segments):
    assert [*split(text)] == segments


@pytest.mark.parametrize(
    ("text", "encoding", "header_octets", "segments"),
    [
        # 3GPP TS 23.040, 9.2.3.24.8: the 16-bit reference leaves 152 septets or 66 code units.
        ("a" * 161, None, 7, ["a" * 152, "a" * 9]),
        ("я" * 71, None, 7, ["я" * 66, "я" * 5]),
        ("a" * 151 + "€" + "b" * 9, None, 7, ["a" * 151, "€" + "b" * 9]),
        ("a" * 70, Encoding.UCS2, 6, ["a" * 70]),
        ("€" * 71, Encoding.UCS2, 6, ["€" * 67, "€" * 4]),
        ("я" * 71, Encoding.UCS2, 6, ["я" * 67, "я" * 4]),
    ],
)
def test_a_text_is_cut_for_the_header_and_the_alphabet_there_are(
    text, encoding, header_octets, segments
):
    assert [*split(text, encoding=encoding, header_octets=header_octets)] == segments


def test_exactly_the_two_tables_are_gsm7():
    every = map(chr, range(sys.maxunicode + 1))
    measured = {
        character: units
        for character in every
        for encoding, units, _ in [measure(character)]
        if encoding is GSM7
    }

    assert measured == dict.fromkeys(BASIC, 1) | dict.fromkeys(EXTENDED, 2)


@pytest.mark.parametrize(("code", "character"), DEFAULT.items())
def test_a_character_of_the_default_alphabet_is_its_septet(code, character):
    assert encode_gsm7(character) == bytes([code])
    assert decode_gsm7(bytes([code])) == character


@pytest.mark.parametrize(("code", "character"), EXTENSION.items())
def test_a_character_of_the_extension_table_is_escaped(code, character):
    assert encode_gsm7(character) == bytes([ESC, code])
    assert decode_gsm7(bytes([ESC, code])) == character


@pytest.mark.parametrize("code", sorted(DEFAULT.keys() - EXTENSION.keys()))
def test_an_escaped_code_without_a_symbol_shows_the_default_alphabets(code):
    # 3GPP TS 23.038, 6.2.1.1, below the table.
    assert decode_gsm7(bytes([ESC, code])) == DEFAULT[code]


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        (b"", ""),
        (b"a\x1b", "a "),
        # 6.2.1.1 note 1: an escape to a further table that nobody has defined shows a space.
        (b"a\x1b\x1bb", "a b"),
        (b"\x1b\x1b\x1be", " €"),
        (b"\x1b\x1be", " e"),
        (b"\x1b\x0a\x0a", "\f\n"),
    ],
)
def test_every_escape_has_a_reading(septets, text):
    assert decode_gsm7(septets) == text


@pytest.mark.parametrize(
    ("text", "index", "shown"),
    [("naïve", 2, r"'\xef'"), ("€€я", 2, r"'\u044f'"), (f"{SHY}a", 0, r"'\U0001f600'")],
)
def test_a_character_that_gsm7_lacks_is_named_and_the_text_is_not(text, index, shown):
    with pytest.raises(ValueError, match="is not in the GSM 7-bit alphabet") as refused:
        encode_gsm7(text)

    assert f"character {index} ({shown})" in str(refused.value)
    assert text not in repr(refused.value)


@pytest.mark.parametrize("octet", [0x80, 0xE9, 0xFF])
def test_an_octet_that_is_no_septet_is_named(octet):
    with pytest.raises(ValueError, match=rf"^octet 2 \(0x{octet:02X}\) is not a septet$"):
        decode_gsm7(b"ab" + bytes([octet]) + b"c")


@settings(max_examples=300, deadline=None)
@given(any_texts)
@example("\ud83d" * 71)
@example("я" * 66 + "\ud83d\ude00" + "я" * 9)
def test_segments_rejoin_fit_and_are_full(text):
    encoding, units, count = measure(text)
    segments = split(text)

    assert "".join(segments) == text
    assert len(segments) == count
    assert units == units_of(text)
    alone, joined = (160, 153) if encoding is GSM7 else (70, 67)
    if units <= alone:
        assert count == 1
        return

    size = gsm7_units if encoding is GSM7 else utf16_units
    assert all(0 < size(segment) <= joined for segment in segments)
    assert all(size(segment + after[0]) > joined for segment, after in pairwise(segments))


def gsm7_units(text: str) -> int:
    return sum(2 if character in EXTENDED else 1 for character in text)


def utf16_units(text: str) -> int:
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@settings(max_examples=300, deadline=None)
@given(gsm7_texts)
def test_gsm0338_writes_and_reads_the_same_septets(text):
    septets = encode_gsm7(text)

    assert septets == gsm0338.Codec().encode(text)[0]
    assert decode_gsm7(septets) == text
    assert len(septets) == measure(text).units


@given(st.binary())
def test_any_septets_decode_to_a_text_that_can_be_sent_back(octets):
    septets = bytes(octet & 0x7F for octet in octets)

    assert set(decode_gsm7(septets)) <= set(BASIC + EXTENDED)


@settings(max_examples=300, deadline=None)
@given(any_texts)
def test_smsutil_cuts_at_the_same_places(text):
    if "\x1b" in text:
        return  # It holds U+001B for a GSM-7 character, but 0x1B is the escape (23.038, 6.2.1).

    judged = smsutil.split(text)

    encoding, units, _ = measure(text)
    assert split(text) == tuple(segment.content for segment in judged.parts)
    assert units == judged.total_bytes // (1 if encoding is GSM7 else 2)
    if text:  # It calls the empty text UTF-16, because its pattern asks for one character.
        assert (judged.encoding == "gsm0338") is (encoding is GSM7)


def seeded_texts(seed: int, count: int) -> Iterator[str]:
    """Yield texts of all kinds, most of them near a boundary."""
    dice = random.Random(seed)
    kinds = (BASIC, BASIC, BASIC, EXTENDED, LATIN, CJK, EMOJI, CLUSTERS)
    for _ in range(count):
        alphabets = dice.sample(kinds[:4] if dice.random() < 0.5 else kinds, dice.randint(1, 3))
        length = max(0, dice.choice((*SIZES, dice.randint(0, 500))) - dice.randint(0, 8))
        yield "".join(dice.choice(dice.choice(alphabets)) for _ in range(length))


def ask_node(texts: list[str]) -> list[dict]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (ORACLES / "node_modules").is_dir():
        pytest.skip("the counters are not installed: run `npm ci` in tests/oracles")
    answer = subprocess.run(
        [node, "count.cjs"],
        cwd=ORACLES,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=500,
        check=True,
    )
    return json.loads(answer.stdout)


def test_two_javascript_counters_agree_about_thousands_of_texts():
    texts = [*seeded_texts(seed=23_038, count=3_000)]
    clustered = 0

    for text, judged in zip(texts, ask_node(texts), strict=True):
        size = measure(text)
        splitter, calculator = judged["splitter"], judged["calculator"]
        assert size[:2] == (splitter["encoding"], splitter["units"]), ascii(text)
        assert [*split(text)] == splitter["segments"], ascii(text)
        assert size[:2] == (calculator["encoding"], calculator["units"]), ascii(text)
        if calculator["clusters"]:
            # It keeps graphemes of several code points whole (a flag, a family, a letter with
            # its accent), which the specification does not ask for. Larger pieces never pack into
            # fewer segments.
            clustered += 1
            assert size.segments <= calculator["segments"], ascii(text)
        else:
            assert size.segments == calculator["segments"], ascii(text)

    assert clustered < len(texts) // 3
