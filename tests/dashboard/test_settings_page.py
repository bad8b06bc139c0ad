"""The settings of an account: changed by its owners, read by the others, and audited."""

import pytest
from dashboard_site import Elements
from page_forms import fields_of
from written import parsed

from sendrail.domain.user import Role

LIST = "+15557830001"


@pytest.fixture(scope="module")
def shop(site):
    site.do(site.runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox"))
    site.owner = site.signed_in("owner@set.example", Role.OWNER)
    site.member = site.signed_in("member@set.example", Role.MEMBER)
    return site


def stored(site):
    return site.do(site.runtime.account_settings.show(site.us))


@pytest.mark.parametrize(
    ("part", "fields", "name", "expected"),
    [
        ("account", {"name": "Juniper", "timezone": "Europe/Oslo", "country": "no"}, "timezone",
         "Europe/Oslo"),
        ("texts", {"prepend_text": "J: ", "append_text": "\r\nText STOP"}, "frame",
         ("J: ", "\nText STOP")),
        ("texts", {"do": "usual"}, "frame",
         ("{{brand_name}}: ", " Reply stop to stop. Help for help.")),
        ("words", {"blocked_words": "casino\nfree money", "stop_words": "slutt, arret"},
         "stop_words", ("slutt", "arret")),
        ("quiet", {"quiet_hours": " 20:30-08:00 "}, "quiet_hours", "20:30-08:00"),
    ],
)  # fmt: skip
def test_an_owner_changes_them(shop, part, fields, name, expected):
    shop.owner.page("/settings")
    # Whatever ran before, there is something to change.
    shop.owner.post("/settings/texts", prepend_text="Other: ", append_text="Bye")
    shop.owner.post("/settings/quiet", quiet_hours="")
    answer = shop.owner.post(f"/settings/{part}", **fields)
    assert answer.status_code == 303, Elements(answer.text).text
    assert getattr(stored(shop), name) == expected
    page = shop.do(shop.runtime.audit.page(shop.us))
    entry = next(each for each in page if each.action == "account.changed")
    assert entry.actor == "user owner@set.example"
    assert not {"casino", "J: "} & set(str(entry.details).split("'"))


def test_links_are_set_there_too(shop):
    shop.owner.page("/settings")
    shop.owner.post("/settings/links", filter_bots="yes", page_title="Hei", page_text="",
                    page_button="", page_language="no")  # fmt: skip
    found = shop.do(shop.runtime.tracking.link_settings.show(shop.us))
    assert (found.filter_bots, found.words.title, found.words.button) == (True, "Hei", "Continue")


@pytest.mark.parametrize(
    ("part", "fields", "at"),
    [
        ("account", {"name": "", "timezone": "UTC"}, "name"),
        ("account", {"name": "them", "timezone": "UTC"}, "name"),
        ("account", {"name": "Mine", "timezone": "Mars/Olympus"}, "timezone"),
        ("account", {"name": "Mine", "timezone": "UTC", "country": "ZZ"}, "country"),
        ("texts", {"prepend_text": "x" * 400, "append_text": "y"}, "prepend_text"),
        ("words", {"blocked_words": "x" * 101}, "blocked_words"),
        ("words", {"stop_words": "help"}, "stop_words"),
        ("links", {"page_title": "x" * 500}, "page_title"),
        ("quiet", {"quiet_hours": "08:00-21:00"}, "quiet_hours"),
    ],
)
def test_a_fault_stands_beside_its_field_and_what_was_typed_stays(shop, part, fields, at):
    shop.owner.page("/settings")
    before = stored(shop)
    answer = shop.owner.post(f"/settings/{part}", **fields)
    assert answer.status_code == 400
    assert f'id="w-{at}"' in answer.text
    assert fields_of(answer.text)[at] == fields[at]
    assert stored(shop) == before


def test_a_member_reads_them(shop):
    html = shop.member.page("/settings")
    assert "Its owners change it" in html
    assert "/settings/account" not in html


def test_a_list_has_quiet_hours_of_its_own(shop):
    [found] = [each for each in shop.do(shop.runtime.lists.all(shop.us)) if each.name == "News"]
    path = f"/lists/{found.id}"
    fields = fields_of(shop.owner.page(path)) | {"quiet_scope": "all", "quiet_hours": "20:00-09:00"}
    shop.owner.post(path, **fields)
    text = Elements(shop.owner.page("/settings")).text
    assert "News every message 20:00-09:00" in text
    answer = shop.owner.post(path, **fields | {"quiet_hours": "08:00-20:00"})
    assert answer.status_code == 400
    assert 'id="w-quiet_hours"' in answer.text
    # A form without the field leaves them as they are.
    shop.owner.post(path, list_name="News", brand_name="", rate="60")
    assert "News every message 20:00-09:00" in Elements(shop.owner.page("/settings")).text
    # Without hours of its own it goes by the account's.
    shop.owner.post("/settings/quiet", quiet_hours="21:00-07:00")
    shop.owner.post(path, **fields | {"quiet_hours": ""})
    assert "News every message as the account" in Elements(shop.owner.page("/settings")).text
    assert "the account’s, 21:00-07:00." in Elements(shop.owner.page(path)).text  # noqa: RUF001
