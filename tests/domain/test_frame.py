"""What stands before and after a text to an American number."""

import pytest

from sendrail.domain.frame import Frame, FramedSender, OwnFrame, frame_fault, framed
from sendrail.domain.phone import PhoneNumber

AMERICAN = PhoneNumber(15550100000)
GERMAN = PhoneNumber(4915112345678)
# Sixteen hundred and more: begins with 1 and is no American number.
SHORT = PhoneNumber(1600)


def test_an_american_number_gets_the_documented_words():
    sender = FramedSender(Frame(), "Acme")
    text = framed("Hello", sender, AMERICAN)
    assert text == "Acme: Hello Reply stop to stop. Help for help."


@pytest.mark.parametrize("recipient", [GERMAN, SHORT])
def test_other_numbers_get_the_raw_text(recipient):
    assert framed("Hello", FramedSender(Frame(), "Acme"), recipient) == "Hello"


def test_without_a_brand_nothing_stands_for_it():
    assert framed("Hello", FramedSender(Frame(), ""), AMERICAN).startswith("Hello Reply stop")
    own = Frame("{{brand_name|Us}}: ", "")
    assert framed("Hello", FramedSender(own, ""), AMERICAN) == "Us: Hello"


def test_a_list_wins_over_its_account_and_an_empty_text_is_none():
    account = OwnFrame(None, " Text STOP to end.").over(Frame())
    assert account == Frame("{{brand_name}}: ", " Text STOP to end.")
    assert OwnFrame("", None).over(account) == Frame("", " Text STOP to end.")


def test_a_brand_is_text():
    assert framed("x", FramedSender(Frame(append=""), "{{link1}}"), AMERICAN) == "((link1)): x"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{first_name}}: ", "unknown_macro"),
        ("{{link1}}", "unknown_macro"),
        ("{{brand", "unknown_macro"),
        ("x" * 321, "invalid_field"),
        ("a\0b", "invalid_field"),
    ],
)
def test_a_frame_is_the_same_for_all_contacts(text, code):
    fault = frame_fault(text, "prepend_text")
    assert fault is not None
    assert (fault.code, fault.param) == (code, "prepend_text")


@pytest.mark.parametrize(
    "text", ["", "x" * 320, "{{brand_name}}", "{{brand_name|Us}} {{messageId}}"]
)
def test_a_frame_may_name_the_brand_and_the_message(text):
    assert frame_fault(text, "prepend_text") is None
