"""Hostile texts in each place where a page shows what somebody else wrote: they stay texts."""

import pytest
from campaigning import a_campaign, whose_note
from dashboard_site import ME, Elements
from written import parsed

from sendrail.contacts.lists import ListChange
from sendrail.dashboard.pages import ROUTES
from sendrail.domain.message import Status
from sendrail.domain.user import Role

HOSTILE = "\"><x-evil onload=alert(1)>{{7*7}}</script><script>alert(1)</script>'"
LIST, TO = "+15557200001", "+15557200002"


def hostile_visit(site, number):
    """A domain with a problem, and a click by a browser that names itself."""
    domain = site.do(site.runtime.tracking.domains.add(site.us, "go.evil.example", ME)).domain
    now = site.runtime.clock.now()

    def keep(tx):
        tx.domains.change(site.us, domain.id, checked_at=now, verified_at=now, problem=HOSTILE)
        tx.core.exec_driver_sql(
            "INSERT INTO agents (id, digest, text, seen_on) VALUES (1, ?, ?, 1)",
            (b"digest", HOSTILE.encode()),
        )
        tx.core.exec_driver_sql(
            "INSERT INTO clicks (id, account_id, number, position, at, click_class, reason, "
            "agent_id) VALUES (1, ?, ?, 0, ?, 1, 0, 1)",
            (site.us, number, now),
        )

    site.write(keep)


def hostile_journey(site):
    """A journey that a contact is on, and with which something happened."""
    runtime = site.runtime
    steps = [
        {"id": "send", "kind": "send", "body": f"{HOSTILE[:27]}"},
        {"id": "if", "kind": "condition", "yes": None, "no": "end",
         "if": {"type": "custom_field", "field": "plan", "op": "eq", "value": HOSTILE}},
        {"id": "end", "kind": "exit", "reason": HOSTILE},
    ]  # fmt: skip
    document = {
        "name": HOSTILE,
        "trigger": {"on": ["event"], "event": HOSTILE},
        "holds_other_sends": False,
        "steps": steps,
    }
    journey = site.do(
        runtime.journey_documents.add(site.us, parsed(LIST), document, ME, status="active")
    ).journey
    site.do(runtime.journeys.enrol_by_id(site.us, journey.id, parsed(TO)))
    happened = runtime.journey_progress.happened
    site.do(happened(site.us, parsed(LIST), parsed(TO), HOSTILE))
    return journey


async def hostile_upload(site):
    """A file with a hostile name, column and reason."""

    async def chunks():
        cell = HOSTILE.replace('"', '""')
        yield f'phone_number,"{cell}"\n"{cell}",x\n'.encode()

    return await site.runtime.uploads.take(site.us, parsed(LIST), chunks(), ME, name=HOSTILE)


@pytest.fixture(scope="module")
def page_of(site):
    """Every page that shows something, of an account in which everything is hostile."""
    runtime = site.runtime
    made = site.do(runtime.lists.add(site.us, parsed(LIST), name=HOSTILE, connector="sandbox"))
    change = ListChange(name=HOSTILE, brand=HOSTILE[:40])
    site.do(runtime.lists.update(site.us, parsed(LIST), change))
    known = {"first_name": HOSTILE[:90], "custom_fields": {"note": HOSTILE}}
    site.do(runtime.contacts.add(site.us, parsed(LIST), parsed(TO), **known))
    message_id = site.send(TO, LIST, HOSTILE, metadata=b'{"a": "</pre><x-evil>"}')
    journey = hostile_journey(site)
    hostile_visit(site, runtime.ids.read(message_id))
    number = runtime.ids.read(message_id)
    now = runtime.clock.now()

    def settle(tx):
        tx.core.exec_driver_sql(
            "UPDATE messages SET status = ?, detail = ?, provider_detail = ?, carrier_ref = ?, "
            "sent_at = ?, ended_at = ?, attempt = 1 WHERE number = ?",
            (Status.DELIVERED.value, HOSTILE, HOSTILE, HOSTILE, now, now + 5, number),
        )
        tx.core.exec_driver_sql(
            "INSERT INTO attempts (lane, number, attempt, connector_id, epoch, started_at, "
            "ended_at, outcome, detail, carrier_ref, provider_detail) "
            "VALUES (?, ?, 1, 1, 1, ?, ?, ?, ?, ?, ?)",
            (made.sender.lane, number, now, now + 2, "submitted", HOSTILE, HOSTILE, HOSTILE),
        )
        tx.core.exec_driver_sql(
            "INSERT INTO replies (account_id, list_id, sender, body, review, received_at) "
            "VALUES (?, ?, ?, ?, 0, ?)",
            (site.us, made.sender.id, int(TO[1:]), HOSTILE, now),
        )
        tx.core.exec_driver_sql("UPDATE accounts SET name = ? WHERE id = ?", (HOSTILE, site.us))
        report = (1, "broken", HOSTILE, now)
        tx.core.exec_driver_sql("INSERT INTO connector_states VALUES (?, ?, ?, ?)", report)

    site.write(settle)
    site.do(runtime.accounts.create_key(site.us, HOSTILE))
    key = site.do(runtime.accounts.keys(site.us))[-1]
    browser = site.signed_in("ana@example.com", Role.OWNER)
    site.join("eve@example.com", Role.MEMBER)
    site.write(lambda tx: tx.users.change(tx.users.named("eve@example.com").id, name=HOSTILE))
    site.do(runtime.people.users.invite(site.us, "x-evil<b>@example.com", Role.MEMBER, ME))
    browser.get("/sign-in")
    other = site.browser()
    other.client.headers.update({"user-agent": HOSTILE})
    other.sign_in("ana@example.com")
    hooks = runtime.webhooks
    hook = site.do(hooks.add(site.us, "https://x.example/?a=<x-evil>", name=HOSTILE[:90]))
    of = {
        "list_id": made.sender.id, "message_id": message_id, "name": "sandbox", "key_id": key.id,
        "endpoint_id": hook.endpoint.id,
        **a_campaign(site, made.sender.id, HOSTILE, whose_note("eq", HOSTILE)),
        "token": "no", "journey_id": journey.id, "number": TO[1:],
        "upload_id": site.do(hostile_upload(site)),
    }  # fmt: skip

    def page(path, query=""):
        return browser.get(path.format(**of) + query)

    return page


def expect_text_only(html):
    for tag, attributes in Elements(html).found:
        assert tag != "x-evil", html[:2000]
        assert not {name for name in attributes if name.startswith("on")}
        assert tag != "script" or attributes["src"].startswith("/dashboard/static/")


SHOWING = {
    "/messages", "/messages/{message_id}", "/lists", "/lists/{list_id}", "/send", "/sandbox",
    "/keys", "/keys/{key_id}/revoke", "/contacts", "/contacts/{number}", "/audit", "/team", "/you",
    "/webhooks", "/campaigns", "/campaigns/{schedule_id}", "/audiences",
    "/campaigns/{schedule_id}/runs/{run_id}", "/audiences/{audience_id}", "/creatives",
    "/creatives/{creative_id}", "/offers", "/offers/{offer_id}",
    "/connectors/{name}", "/journeys", "/journeys/{journey_id}", "/journeys/{journey_id}/people",
    "/inbox", "/inbox/{number}", "/domains", "/clicks", "/contacts/imports/{upload_id}",
    "/journeys/{journey_id}/edit", "/journeys/{journey_id}/simulate",
    "/journeys/{journey_id}/versions", "/journeys/{journey_id}/archive",
    "/contacts/{number}/lists/{list_id}", "/contacts/add", "/audiences/{audience_id}/edit",
    "/campaigns/{schedule_id}/edit", "/campaigns/new", "/creatives/{creative_id}/edit",
    "/offers/{offer_id}/edit", "/settings", "/campaigns/{schedule_id}/dry-run",
    "/lists/{list_id}/delete", "/lists/{list_id}/pause", "/campaigns/{schedule_id}/off",
    "/campaigns/{schedule_id}/archive",
}  # fmt: skip


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.method == "GET"], ids=lambda route: route.route
)
def test_what_others_wrote_stays_text(page_of, route):
    answer = page_of(route.path)
    if not answer.headers.get("content-type", "").startswith("text/csv"):
        expect_text_only(answer.text)
    assert "{{7*7}}" not in answer.text or "49" not in answer.text.partition("{{7*7}}")[2][:4]
    if route.path in SHOWING:
        assert answer.status_code == 200
        assert "x-evil" in answer.text


def test_what_the_address_says_stays_text(page_of):
    for route in ROUTES:
        if route.method == "GET":
            for fields in (
                ("q", "list", "said"),
                ("next", "to", "body", "period", "time", "view"),
                ("kind", "connector"),
            ):
                evil = "=%22%3E%3Cx-evil%20onload%3Dalert(1)%3E"
                answer = page_of(route.path, "?" + "&".join(each + evil for each in fields))
                if not answer.headers.get("content-type", "").startswith("text/csv"):
                    expect_text_only(answer.text)


def test_a_file_holds_no_formula(site, page_of):
    list_id = "+15557200001"
    site.send(TO, list_id, "=HYPERLINK(1)")
    lines = page_of("/messages.csv").text.splitlines()
    assert any("'=HYPERLINK(1)" in line for line in lines)
