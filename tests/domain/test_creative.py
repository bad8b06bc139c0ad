"""Creatives: their counts, where their links lead, and what their authors are warned of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.creative import (
    LONG_VALUE,
    Creative,
    CreativeStatus,
    CreativeType,
    OfferLink,
    estimate,
    finished,
    sample,
)
from sendrail.domain.creative_warnings import text_warnings
from sendrail.domain.frame import Frame, FramedSender
from sendrail.domain.ids import AccountId, CreativeId
from sendrail.domain.placeholders import LINK_KEYS, RenderedText, Template, read_template
from sendrail.domain.text import Encoding, measure
from sendrail.domain.text_advice import EncodingCause, ucs2_causes

BARE = FramedSender(Frame("", ""), "")
LINK = "https://go.example.com/abcdefg"


def creative(**more):
    values = {
        "id": CreativeId(101),
        "account_id": AccountId(1),
        "name": "Summer Sale Promo",
        "message": "x",
        "offer_links": (),
        "status": CreativeStatus.ACTIVE,
        "creative_type": CreativeType.AUTOMATED,
        "created_at": 1,
        "updated_at": 1,
    }
    return Creative(**values | more)


def read(text):
    template = read_template(text)
    assert isinstance(template, Template)
    return template


def warned(text, sender=BARE, urls=()):
    template = read(text)
    shortest, longest = sample(template, LINK, sender), sample(template, LINK, sender, LONG_VALUE)
    return {each.code.value: each.text for each in text_warnings(shortest, longest, urls)}


# The rule is the public API's; the examples on its pages do not follow it.
@pytest.mark.parametrize(
    ("message", "counts"),
    [
        ("{{link1}}", (57, 1)),
        ("x" * 103 + "{{link1}}", (160, 1)),
        ("x" * 104 + "{{link1}}", (161, 2)),
        ("x" * 226 + "{{link1}}{{ link2 }}", (306, 2)),
        ("x" * 227 + "{{link1}}{{link2}}", (307, 3)),
        # It knows one encoding, and other placeholders as they are written.
        ("ž" * 103 + "{{link1}}", (160, 1)),
        ("{{first_name}} {{link1}}", (72, 1)),
    ],
)
def test_the_documented_counts(message, counts):
    assert estimate(message) == counts


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("https://a.example/", "https://a.example/?sub1=sms&n=a%20b%26c"),
        ("https://a.example/?x=1", "https://a.example/?x=1&sub1=sms&n=a%20b%26c"),
        ("https://a.example/?", "https://a.example/?sub1=sms&n=a%20b%26c"),
        ("https://a.example/p#top", "https://a.example/p?sub1=sms&n=a%20b%26c#top"),
    ],
)
def test_parameters_are_appended_to_where_a_link_leads(url, leads_to):
    link = OfferLink(key="link1", offer_ref="r", url_params={"sub1": "sms", "n": "a b&c"})
    assert link.destination(url) == leads_to
    own = OfferLink(key="link1", offer_ref="r", url=url, url_params=link.url_params)
    assert own.destination("https://offer.example/") == leads_to


def test_a_macro_stays_one_in_a_parameter():
    link = OfferLink(key="link1", offer_ref="r", url_params={"c": "{{click_id}}"})
    assert link.destination("https://a.example/") == "https://a.example/?c={{click_id}}"


def test_a_creative_has_a_slug_and_names_each_offer_once():
    links = [OfferLink(key=key, offer_ref=ref) for key, ref in zip(LINK_KEYS, "aba", strict=False)]
    made = creative(offer_links=links)
    assert made.slug == "crv_summer-sale-promo_101"
    assert made.offer_refs == ["a", "b"]
    assert creative(name="夏").slug == "crv_creative_101"


def test_a_sample_has_true_links_defaults_and_the_frame():
    shown = sample(
        read("Hi {{first_name|you}}: {{link1}} {{messageId}}"), LINK, FramedSender(Frame(), "Acme")
    )
    assert shown.text == f"Acme: Hi you: {LINK} xxxxxxxx Reply stop to stop. Help for help."
    assert shown.size == measure(shown.text)
    long = sample(read("{{first_name|you}}"), LINK, BARE, LONG_VALUE)
    assert long.text == LONG_VALUE


@given(st.text(max_size=200), st.text(max_size=40))
def test_the_counts_of_a_sample_are_those_of_the_text(body, default):
    text = f"{body}{{{{first_name|{default}}}}} {{{{link1}}}}"
    template = read_template(text)
    if isinstance(template, Template):
        shown = sample(template, LINK, BARE)
        result = template.render({})
        assert isinstance(result, RenderedText)
        whole = finished(result.text, {"link1": LINK}, "x" * 8)
        assert shown.size == measure(whole)
        assert whole == shown.text


def test_a_plain_text_that_says_how_to_leave_gets_no_warning():
    assert warned("Sale: {{link1}} Reply STOP to opt out") == {}
    assert warned("Sale: {{link1}}", FramedSender(Frame(), "Acme")) == {}


def test_a_character_outside_gsm7_is_named_with_its_place_and_what_to_write():
    text = "Don’t wait – STOP ends " + "x" * 60
    [(code, says)] = warned(text).items()
    assert code == "not_gsm7"
    assert says == (
        "’ at character 4 (write '), – at character 12 (write -): not in the GSM 7-bit alphabet, "
        "so the text takes 2 segments instead of 1"
    )
    assert warned("Don’t wait. STOP ends")["not_gsm7"] == (
        "’ at character 4 (write '): not in the GSM 7-bit alphabet, so its segment holds 70 "
        "characters and not 160"
    )
    assert "instead of" not in warned("STOP 🎉 " + "x" * 80)["not_gsm7"]


@pytest.mark.parametrize(
    ("character", "instead"),
    [("’", "'"), ("“", '"'), ("—", "-"), ("…", "..."), ("ç", "c"), ("\u200b", ""), ("🎉", None)],
)
def test_what_is_written_instead(character, instead):
    assert ucs2_causes(f"a{character}") == [EncodingCause(1, character, instead)]
    if instead is not None:
        assert measure(instead).encoding is Encoding.GSM7


@pytest.mark.parametrize(
    ("units", "is_warned"), [(160, False), (161, True), (165, True), (166, False), (311, True)]
)
def test_a_text_just_over_a_segment(units, is_warned):
    text = "STOP " + "x" * (units - 5)
    assert ("just_over_segment" in warned(text)) is is_warned


def test_segments_that_vary_with_values():
    says = warned("STOP {{first_name}} " + "x" * 150)["segments_vary"]
    assert says == "The text takes 1 segment, and up to 2 with long values of its fields"
    assert warned("STOP {{first_name}} " + "x" * 100) == {}


def test_a_public_shortener_is_named():
    assert "bit.ly" in warned("STOP https://BIT.LY/x")["public_shortener"]
    assert "t.co" in warned("STOP", urls=["https://t.co/x"])["public_shortener"]
    assert warned("STOP hobbit.lying.example") == {}


def test_a_text_without_a_way_out():
    assert "no_opt_out_text" in warned("Sale! {{link1}}")
    assert "no_opt_out_text" in warned("unstoppable")
