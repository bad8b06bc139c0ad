"""Tracking domains and clicks: states, the record to set, and visitors by their kind."""

import pytest
from dashboard_site import Elements
from written import parsed

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.domain.user import Role

LIST = "+15557800001"


@pytest.fixture
def site(fresh_site):
    return fresh_site


@pytest.fixture
def ana(site):
    site.do(site.runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox"))
    return site.signed_in("ana@example.com", Role.OWNER)


def follow(browser, answer):
    assert answer.status_code == 303, answer.text[-400:]
    return Elements(browser.page(answer.headers["location"].removeprefix("/dashboard"))).text


def test_a_domain_is_added_with_the_record_to_set(site, ana):
    assert "Short links need a host of yours" in ana.page("/domains")
    text = follow(ana, ana.post("/domains", domain="go.example.com"))
    assert "Set its DNS record, then verify it." in text
    assert "go.example.com. A ADDRESS-OF-YOUR-PROXY" in text
    assert "go.example.com Not verified Default" in text
    refused = ana.post("/domains", domain="bit.ly")
    assert refused.status_code == 400
    assert "is a public shortener" in refused.text
    member = site.signed_in("member@example.com", Role.MEMBER)
    text = member.page("/domains")
    assert "go.example.com" in text
    assert "Verify now" not in text
    assert member.post("/domains", domain="go2.example.com").status_code == 404


def test_a_domain_says_how_it_is_and_is_made_the_default(site, ana):
    follow(ana, ana.post("/domains", domain="go.example.com"))
    text = follow(ana, ana.post("/domains", domain="to.example.com"))
    [one, other] = [each.domain for each in site.do(site.runtime.tracking.domains.all(site.us))]
    change = {"checked_at": 5, "verified_at": 4, "problem": "it answers 502"}
    site.write(lambda tx: tx.domains.change(site.us, other.id, **change))
    text = Elements(ana.page("/domains")).text
    assert "to.example.com Failing" in text
    assert "it answers 502" in text
    assert "to.example.com is the default." in follow(ana, ana.post(f"/domains/{other.id}/default"))
    found = site.do(site.runtime.tracking.domains.all(site.us))
    assert [each.domain.is_default for each in found] == [False, True]
    assert one.is_default


def test_clicks_are_shown_by_the_kind_of_visitor(site, ana):
    assert "No clicks yet" in ana.page("/clicks")
    message_id = site.send("+15557810001", LIST, "Hello")
    number = site.runtime.ids.read(message_id)
    for at, (kind, reason) in enumerate([
        (ClickClass.HUMAN, ClickReason.NONE), (ClickClass.BOT, ClickReason.NO_BROWSER),
    ]):  # fmt: skip
        keep(site, number, at, kind, reason)
    text = Elements(ana.page("/clicks")).text
    assert "Person now \u2013 a message , link 1" in text
    assert "Bot now no browser a message , link 1" in text
    text = Elements(ana.page("/clicks?class=bot")).text
    assert "no browser" in text
    assert "Person now" not in text
    assert "No click matches" in ana.page("/clicks?class=preview")
    assert f"/dashboard/messages/{message_id}" in ana.page("/clicks?class=human")
    them = site.signed_in("them@example.com", Role.OWNER, site.them)
    assert "No clicks yet" in them.page("/clicks")


def keep(site, number, at, kind, reason):
    now = site.runtime.clock.now()
    columns = "(id, account_id, number, position, at, click_class, reason)"
    site.write(
        lambda tx: tx.core.exec_driver_sql(
            f"INSERT INTO clicks {columns} VALUES (?, ?, ?, 0, ?, ?, ?)",
            (at + 1, site.us, number, now, kind.value, reason.value),
        )
    )
