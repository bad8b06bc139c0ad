"""A page of a run on paper: what is written once for many contacts is what each would get alone."""

import random

from sendrail.campaigns.planning import ListSender, PagePlanner
from sendrail.campaigns.run_content import RunContent, Variant
from sendrail.domain.frame import FilledFrame
from sendrail.domain.ids import AccountId, RunId
from sendrail.domain.phone import PhoneNumber
from sendrail.intake.orders import Limits
from sendrail.storage.campaigns.run_members import MEMBER_COLUMNS, Member

LIMITS = Limits(segments_max=1, characters_max=90)
TEXTS = (
    "Sale",
    "Hello {{first_name}}",
    "Hello {{first_name|friend}}",
    "{{last_name}}, {{first_name|you}}",
    "{{last_name|x}}",
    "{{brand_name}} for {{first_name}}",
    "{{plan|free}} for {{first_name|you}}",
    "Look {{link1}}",
)
LISTS = {
    1: ListSender(PhoneNumber(15550001), "Acme", FilledFrame("Acme: ", " Stop?")),
    2: ListSender(PhoneNumber(15550002), "", FilledFrame("", " Reply STOP.")),
}
NAMES = ("", " ", "Ann", "Bo", "Zoë", "{{link1}}", "Ann" * 30)


def members(chance):
    """Return contacts of two lists and countries, of whom many have a name in common."""
    for n in range(400):
        number = chance.choice((15550100000, 447700900000)) + n
        fields = chance.choice(("{}", '{"plan": "gold"}', '{"first_name": "Custom"}'))
        names = chance.choice(NAMES), chance.choice(NAMES)
        yield Member(number, chance.choice((1, 2)), *names, fields)


def planned(variant, some):
    content = RunContent(lists=(1, 2), targets=(), variants=(variant,), began_at=0)
    page = PagePlanner(AccountId(1), RunId(1), content, LIMITS).plan(some, LISTS, before=0)
    return page.orders, page.left_out


def test_a_page_is_what_each_of_its_contacts_would_get_alone():
    some, outcomes = list(members(random.Random(14))), set()
    for number, text in enumerate(TEXTS, 1):
        links = {"link1": "https://a.example/?n={{first_name|you}}"} if "link" in text else {}
        variant = Variant(number, "A", 100, text, links)
        orders, left_out = [], []
        for each in some:
            alone = planned(variant, [each])
            orders += alone[0]
            left_out += alone[1]
        assert planned(variant, some) == (orders, left_out)
        outcomes |= {reason for _, reason in left_out} | {bool(orders)}
    assert outcomes >= {"missing_field", "message_too_long", True}


def test_a_run_reads_what_its_texts_say_of_a_contact_and_no_more():
    asked = {
        "Sale": set(),
        "Hello {{first_name}}": {"first_name"},
        "{{last_name|x}}, {{first_name|you}}": {"first_name", "last_name"},
        "{{plan|free}}": MEMBER_COLUMNS,
        "Look {{link1}}": MEMBER_COLUMNS,
    }
    for text, columns in asked.items():
        links = {"link1": "https://a.example/"} if "link" in text else {}
        content = RunContent(
            lists=(1,), targets=(), variants=(Variant(1, "A", 100, text, links),), began_at=0
        )
        assert PagePlanner(AccountId(1), RunId(1), content, LIMITS).columns == columns


def test_a_text_that_is_kept_from_an_earlier_page_is_what_a_contact_would_get_alone():
    variant = Variant(1, "A", 100, "Hello {{first_name}}", {})
    content = RunContent(lists=(1, 2), targets=(), variants=(variant,), began_at=0)
    planner = PagePlanner(AccountId(1), RunId(1), content, LIMITS)
    for n in range(5):
        some = [Member(15550100000 + n, 1, name, "", "{}") for name in ("Ann", f"Bo{n}", "")]
        page = planner.plan(some, LISTS, before=0)
        bodies = [f"Acme: Hello {name} Stop?" for name in ("Ann", f"Bo{n}")]
        assert [each.body for each in page.orders] == bodies
        assert [reason for _, reason in page.left_out] == ["missing_field"]
