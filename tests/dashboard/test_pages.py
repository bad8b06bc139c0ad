"""What the pages show and do, over the services."""

import csv
import io
import re
from datetime import date

import pytest
from dashboard_site import Elements
from written import parsed

from sendrail.dashboard.charts import line_chart, spark
from sendrail.dashboard.pages.sending import cost_of
from sendrail.dashboard.showing import (
    ReaderTimes,
    browser_shown,
    day_shown,
    initials_shown,
    number_shown,
    rate_shown,
    took_shown,
    zone_of,
)
from sendrail.domain.contact import OptOutReason
from sendrail.domain.message import Status
from sendrail.domain.origin_counts import CountKind, CountTally
from sendrail.domain.user import Role

LIST = "+15557300001"
NOON = 1_790_000_000_000  # 21 September 2026, 14:13:20 UTC


@pytest.fixture(scope="module")
def ana(site):
    site.do(site.runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox"))
    return site.signed_in("ana@example.com", Role.OWNER)


def set_status(site, message_id, status):
    number = site.runtime.ids.read(message_id)
    site.write(
        lambda tx: tx.core.exec_driver_sql(
            "UPDATE messages SET status = ?, sending_at = 1 WHERE number = ?",
            (status.value, number),
        )
    )


def test_the_overview_counts_what_became_of_messages(site):
    # An account of its own, of which nothing was asked a moment ago.
    shop, number = site.do(site.runtime.accounts.add("a shop")), "+15557300002"
    site.do(site.runtime.lists.add(shop, parsed(number), connector="sandbox"))
    olga = site.signed_in("olga@example.com", Role.OWNER, shop)
    for at, status in enumerate([Status.DELIVERED] * 3 + [Status.FAILED, Status.UNCERTAIN]):
        set_status(site, site.send(f"+1555730100{at}", number, "Hello", shop), status)
    site.send("+15557301009", number, "Hello", shop)
    text = Elements(olga.page("/")).text
    assert "Accepted 6" in text
    assert "60.0 % 3 of 5 sent" in text
    assert "One message is uncertain" in text
    assert "Failed 1 16.7 % of what was accepted" in text
    assert "Clicked 0 messages" in text
    for period in ("day", "week", "nonsense"):
        assert "Accepted 6" in Elements(olga.page(f"/?period={period}")).text
    # Another account's are not among them.
    them = site.signed_in("them@example.com", Role.OWNER, site.them)
    empty = them.page("/")
    assert "No message was accepted" in empty
    # The way to the first one stands in the navigation, and once on the page.
    assert Elements(empty).links().count("/dashboard/send") == 2


def test_the_overview_counts_clicks_and_opt_outs_when_they_happen(site):
    shop, number = site.do(site.runtime.accounts.add("clicked")), "+15557300003"
    made = site.do(site.runtime.lists.add(shop, parsed(number), connector="sandbox")).sender
    vera = site.signed_in("vera@example.com", Role.VIEWER, shop)
    now = site.runtime.clock.now()

    def count(tx):
        tally = CountTally()
        # Of what was sent two days ago.
        for _ in range(3):
            key = (made.lane, 0, made.id)
            tally.add_both(key, CountKind.CLICKED.value, now - 172_800_000, now)
        tx.origin_counts.add(tally)
        tx.origin_counts.opted_out(made.lane, made.id, 15557300099, now)

    site.write(count)
    text = Elements(vera.page("/?period=day")).text
    assert "Clicked 3 messages, by people, since" in text
    assert "Opt-outs 1 by a reply, since" in text
    them = site.signed_in("them9@example.com", Role.OWNER, site.them)
    assert "Opt-outs 0" in Elements(them.page("/?period=day")).text


def shown(html):
    return [
        each["href"].rpartition("/")[2]
        for tag, each in Elements(html).found
        if tag == "a" and each["href"].startswith("/dashboard/messages/")
    ]


def test_messages_are_found_by_what_the_address_says(site, ana):
    sent = [site.send(f"+1555740{at:04d}", LIST, f"Hello {at}") for at in range(60)]
    set_status(site, sent[7], Status.FAILED)
    first = ana.page(f"/messages?list=%2B{LIST[1:]}")
    assert shown(first) == sent[:9:-1]
    [older] = [each["href"] for tag, each in Elements(first).found if each.get("rel") == "next"]
    second = shown(ana.page(older.removeprefix("/dashboard")))
    assert second[:10] == sent[9::-1]
    assert sent[7] in shown(ana.page("/messages?view=failed"))
    assert sent[8] not in shown(ana.page("/messages?view=failed"))
    for written in ("+1 555 740 0003", "15557400003", "(+1) 555-740-0003"):
        assert shown(ana.page("/messages?q=" + written.replace("+", "%2B"))) == [sent[3]]
    assert ana.get(f"/messages?q={sent[4]}").headers["location"].endswith(sent[4])
    assert "is neither a number nor the id" in ana.page("/messages?q=hello%20there")
    assert "No message matches" in ana.page("/messages?list=%2B15557399999")
    for odd in ("before=zz", "before=" + "z" * 30, "time=nonsense", "view=nonsense"):
        assert ana.get(f"/messages?{odd}").status_code == 200
    # The one of another account is not there, by its id neither.
    them = site.signed_in("them2@example.com", Role.OWNER, site.them)
    assert "No messages yet" in them.page("/messages")
    assert them.get(f"/messages/{sent[4]}").status_code == 404


def test_messages_are_a_file_as_well(site, ana):
    message_id = site.send("+15557500001", LIST, 'a, "b"\nc')
    answer = ana.get("/messages.csv?q=%2B15557500001")
    assert answer.headers["content-disposition"] == 'attachment; filename="messages.csv"'
    [row] = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (row["id"], row["to"], row["text"]) == (message_id, "+15557500001", 'a, "b"\nc')
    assert ana.get("/messages.csv?q=nonsense").status_code == 404


def test_a_test_message_goes_through_the_gate(site, ana):
    ana.page("/send")
    answer = ana.post("/send", list=LIST, to="+1 555 760 0001", body="A test")
    page = ana.page(answer.headers["location"].removeprefix("/dashboard"))
    assert "Message to +1 555 760 0001" in page
    assert "Accepted, on disk and in the queue" in page
    ana.page("/send")
    again = ana.post("/send", list=LIST, to="+15557600001", body="A test")
    assert (again.status_code, "not accepted" in again.text) == (400, True)
    assert "A test" in again.text
    fault = ana.post("/send", list=LIST, to="5", body="A test")
    assert 'aria-invalid="true"' in fault.text
    part = ana.post("/send/measure", body="x" * 161)
    assert "<b>2</b> segments" in part.text
    del site


# A browser writes a line end of a text as two characters (HTML, "form submission").
def test_a_line_end_of_a_text_is_one_character(site, ana):
    ana.page("/send")
    answer = ana.post("/send", list=LIST, to="+15557600003", body="A line\r\nand another")
    assert answer.status_code == 303
    newest = "SELECT body FROM messages ORDER BY number DESC LIMIT 1"
    sent = site.write(lambda tx: tx.core.exec_driver_sql(newest).scalar())
    assert sent == "A line\nand another"
    part = ana.post("/send/measure", body="x" * 158 + "\r\n" + "x")
    assert "<b>1</b> segment" in part.text


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        # 3GPP TS 23.040: 160 and 153 septets; 70 and 67 UTF-16 units.
        ("x" * 160, (160, 1, "GSM-7", 160, "", 0)),
        ("x" * 161, (161, 2, "GSM-7", 153, "", 0)),
        ("x" * 70 + "’", (71, 2, "UCS-2", 67, "’", 71)),  # noqa: RUF001
        ("", (0, 1, "GSM-7", 160, "", 0)),
    ],
)
def test_a_text_says_what_it_costs(text, cost):
    assert cost_of(text) == cost


def test_a_list_is_paused_resumed_and_changed(site, ana):
    found = site.do(site.runtime.lists.find(site.us, parsed(LIST)))
    path = f"/lists/{found.sender.id}"
    ana.page(path)
    ana.post(f"{path}/pause")
    assert "This list is paused" in ana.page(path)
    ana.post(f"{path}/resume")
    ana.post(path, list_name="Other news", brand_name="Juniper", rate="1,200")
    changed = site.do(site.runtime.lists.find(site.us, parsed(LIST))).sender
    assert (changed.name, changed.brand, changed.rate) == ("Other news", "Juniper", 1200)
    for rate in ("x", "0", "9" * 40, "-1"):
        answer = ana.post(path, list_name="N", rate=rate)
        assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (400, True)
    ana.post(path, list_name="News", rate="17000")


def test_a_connector_of_the_installation_is_the_operators(site, ana):
    page = ana.page("/connectors/sandbox")
    assert "Pause connector" not in page
    assert "Remove connector" not in page
    ana.page("/you")
    assert ana.post("/connectors/sandbox/pause").status_code == 404
    op = site.signed_in("op@example.com", Role.OWNER, is_operator=True)
    # A list goes by it, so that it cannot be removed; and it hears no callbacks by HTTP.
    html = op.page("/connectors/sandbox")
    assert ("another one first" in html, "Callback URL" in html) == (True, False)
    op.post("/connectors/sandbox/pause")
    assert "Resume connector" in op.page("/connectors/sandbox")
    assert "The credentials work" in op.post("/connectors/sandbox/test").text
    op.post("/connectors/sandbox/resume")


def test_a_handset_answers(site, ana):
    message_id = site.send("+15557700001", LIST, "Which trail is next?")
    set_status(site, message_id, Status.DELIVERED)
    assert "Which trail is next?" in ana.page("/sandbox")
    before = _callbacks(site)
    answer = ana.post("/sandbox", handset="+15557700001", list=LIST, body="STOP")
    assert answer.status_code == 303
    assert _callbacks(site) == before + 1
    theirs = site.do(site.runtime.lists.add(site.them, parsed("+15557300009"), connector="sandbox"))
    assert theirs
    answer = ana.post("/sandbox", handset="+15557700001", list="+15557300009", body="STOP")
    assert answer.status_code == 404
    assert _callbacks(site) == before + 1


def _callbacks(site):
    return site.do(site.runtime.store.read(lambda tx: tx.figures.backlog())).callbacks


def test_the_team_is_invited_and_changed(site, ana):
    ana.page("/team")
    link = ana.post("/team", email="ben@example.com", role="viewer").text
    [path] = [each.partition("</p>")[0] for each in link.split("http://127.0.0.1/dashboard")[1:]]
    ben = site.browser()
    assert "Join the team" in ben.page(path)
    ben.post(path, name="Ben", password="another one")
    ben.sign_in("ben@example.com", "another one")
    assert ben.get("/messages").status_code == 404
    user = site.do(site.runtime.people.users.team(site.us)).members[1][0]
    ana.page("/team")
    ana.post(f"/team/{user.id}/role", role="member")
    assert ben.get("/messages").status_code == 200
    assert "in the team already" in ana.post("/team", email="ben@example.com", role="owner").text
    assert ana.post(f"/team/{user.id}/role", role="king").status_code == 400
    ana.post(f"/team/{user.id}/remove")
    assert ben.get("/").status_code == 303


def test_an_authenticator_is_set_up(site, ana):
    import re

    import pyotp

    ana.page("/you")
    ana.post("/you/authenticator")
    page = ana.page("/you")
    secret = re.search(r'secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    assert "data:image/svg+xml;base64," in page
    code = pyotp.TOTP(secret).at(site.runtime.clock.now() // 1000)
    assert "Your backup codes" in ana.post("/you/authenticator/confirm", code=code).text
    ana.page("/you")
    ana.post("/you/authenticator/remove")
    assert "Set up authenticator" in ana.page("/you")


def test_contacts_are_found_with_their_consent(site, ana):
    assert "No contact matches" in ana.page("/contacts?q=nobody")
    contacts = site.runtime.contacts
    for at in range(55):
        site.do(contacts.add(site.us, parsed(LIST), parsed(f"+1555780{at:04d}"), first_name="Ann"))
    first = Elements(ana.page("/contacts"))
    [older] = [each["href"] for _, each in first.found if each.get("rel") == "next"]
    pages = [first, Elements(ana.page(older.removeprefix("/dashboard")))]
    numbers = [
        each["href"]
        for page in pages
        for tag, each in page.found
        if tag == "a" and each["href"].startswith("/dashboard/contacts/1555780")
    ]
    assert len(numbers) == len(set(numbers)) == 55
    page = Elements(ana.page("/contacts/15557800003")).text
    assert "Joined" in page
    site.do(
        contacts.remove(
            site.us, parsed(LIST), parsed("+15557800003"), reason=OptOutReason.MANUAL, source="cli"
        )
    )
    assert "Left" in Elements(ana.page("/contacts/15557800003")).text
    assert "/contacts/15557800003" in ana.page("/contacts?view=left")
    for odd in ("after=1.2", "after=x.y.z", "after=1.2." + "9" * 40, "view=nonsense"):
        assert ana.get(f"/contacts?{odd}").status_code == 200
    them = site.signed_in("them3@example.com", Role.OWNER, site.them)
    assert them.get("/contacts/15557800003").status_code == 404
    assert "No contacts yet" in them.page("/contacts")
    assert ana.get("/contacts/%2B5").status_code == 404


def test_an_endpoint_is_tested_paused_and_replayed(site, ana):
    them = site.signed_in("them10@example.com", Role.OWNER, site.them)
    assert "No endpoints yet" in them.page("/webhooks")
    hooks = site.runtime.webhooks
    made = site.do(hooks.add(site.us, "https://hooks.example.invalid/", name="Shop")).endpoint
    path = f"/webhooks/{made.id}"
    assert "Nothing was posted yet" in ana.page(path)
    answer = ana.post(f"{path}/test")
    assert "No+answer+came" in answer.headers["location"]
    page = ana.page(path)
    event = Elements(page).text.partition("evt_")[2].partition(" ")[0]
    assert event
    site.write(
        lambda tx: tx.core.exec_driver_sql(
            "UPDATE webhook_endpoints SET failing_since = 1 WHERE id = ?", (made.id,)
        )
    )
    assert "Failing" in Elements(ana.page(path)).text
    ana.post(f"{path}/pause")
    assert "Failing" not in Elements(ana.page(path)).text
    assert "Resume endpoint" in ana.page(path)
    ana.post(f"{path}/resume")
    assert "Pause endpoint" in ana.page(path)
    # What no answer came to is what was given up.
    assert "One+event+is+posted" in ana.post(f"{path}/replay").headers["location"]
    assert ana.post(f"{path}/replay", event="evt_nothing").status_code == 404
    for odd in ("skip=x", "skip=" + "9" * 30):
        assert ana.get(f"{path}?{odd}").status_code == 200


def test_the_audit_log_is_read_by_action(site, ana):
    rows = Elements(ana.page("/audit?action=user.joined")).text.partition("Request")[2]
    assert "User joined" in rows
    assert "role owner" in rows
    rows = Elements(ana.page("/audit?action=user.invited")).text.partition("Request")[2]
    assert "User joined" not in rows
    assert "User invited" in rows
    # Numbers stand as on other pages.
    news = parsed("+15557309001")
    site.do(site.runtime.lists.add(site.us, news, name="Audited", connector="sandbox"))
    site.do(site.runtime.contacts.add(site.us, news, parsed("+15557309002")))
    text = Elements(ana.page("/audit")).text
    assert "list +1 555 730 9001" in text
    assert "+15557309001" not in text
    assert "; new" in text
    # What has a page is a link, until it is gone.
    made = site.do(site.runtime.webhooks.add(site.us, "https://x.example/", name="x"))
    path = f"/dashboard/webhooks/{made.endpoint.id}"
    assert path in Elements(ana.page("/audit")).links()
    site.do(site.runtime.webhooks.change(site.us, made.endpoint.id, name="y"))
    assert "fields name" in ana.page("/audit")
    assert "No entries" in ana.page("/audit?page=99")
    for odd in ("page=0", "page=x", "page=" + "9" * 40, "action=nonsense"):
        assert ana.get(f"/audit?{odd}").status_code == 200
    del site


def test_times_are_the_readers():
    times = ReaderTimes(zone_of("America/New_York"), NOON)
    assert times.exact(NOON - 1) == "21 Sep 2026, 10:13:19.999 EDT"
    assert [times.near(NOON - ago) for ago in (0, 180_000, 7_200_000, 2 * 86_400_000)] == [
        "now", "3 min ago", "08:13", "Sat 10:13",
    ]  # fmt: skip
    assert times.near(NOON - 200 * 86_400_000) == "5 Mar"
    assert times.place == "New York"
    assert "<b>" not in str(ReaderTimes(zone_of("<b>../../etc/passwd"), NOON).tag(NOON))
    assert ReaderTimes(zone_of("No/Where"), NOON).place == "UTC"


def test_a_rate_is_shown_in_a_time_in_which_something_happens():
    rates = (14_000.4, 10, 1.5, 1, 0.5, 0.026, 0.0077, 0.0001, 0)
    assert [rate_shown(rate) for rate in rates] == [
        "14,000 a second", "10 a second", "1.5 a second", "1 a second", "30 a minute",
        "1.6 a minute", "28 an hour", "0.36 an hour", "0 a second",
    ]  # fmt: skip


def test_values_are_written_with_their_units():
    assert [took_shown(ms) for ms in (5, 1_452, 128_000, 11_100_000, 3 * 86_400_000, None)] == [
        "5 ms", "1.452 s", "2 min 8 s", "3 h 5 min", "3 days", "–",  # noqa: RUF001
    ]  # fmt: skip
    assert number_shown("+15550101184") == "+1 555 010 1184"
    assert number_shown("+442071838750") == "+44 20 7183 8750"
    assert number_shown("Acme") == "Acme"


def test_a_chart_begins_at_zero():
    chart = line_chart([("A", "idle", [0, 6, 12]), ("B", "sent", [0, 0, 0])], [1, 2, 3])
    assert chart.ticks == ["12", "9", "6", "3", "0"]
    assert chart.lines[0].path == "M0 200L300 100L600 0"
    assert chart.lines[1].area.endswith("V200H0z")
    # Of a few there are no halves, and many end at a round number.
    assert [line_chart([("A", "idle", [top])], [1]).ticks[0] for top in (0, 1, 5, 17, 21)] == [
        "4", "4", "8", "20", "40",
    ]  # fmt: skip
    assert line_chart([("A", "idle", [])], []).times == []
    assert spark([]) == spark([1]) == ""


def test_browsers_and_days_are_said_as_people_say_them():
    mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 Safari/605.1"
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0"
    assert (browser_shown(mac), browser_shown(edge)) == ("Safari on macOS", "Edge on Windows")
    assert browser_shown("curl/8.1") == "curl/8.1"
    assert day_shown("2026-11-29") == day_shown(date(2026, 11, 29)) == "Sun 29 Nov 2026"


def test_an_endpoint_is_added_and_its_secret_shown_once(site, ana):
    text = Elements(ana.page("/webhooks")).text
    assert "New endpoint" in text
    kept = {"url": "https://new.example/hook", "name": "New", "events": ["reply", "click"]}
    # Without https, with an event that there is not, with none: what was typed stays.
    for wrong, words in (
        ({"url": "http://new.example/hook"}, "https"),
        ({"events": ["nonsense"]}, "Choose what is posted"),
        ({"events": []}, "Choose what is posted"),
    ):
        refused = ana.post("/webhooks", **kept | wrong)
        assert refused.status_code == 400
        assert words in Elements(refused.text).text
        assert 'value="New"' in refused.text
    made = ana.post("/webhooks", **kept)
    [secret] = re.findall(r'id="new-secret">(whsec_[^<]+)<', made.text)
    [found] = [
        each for each, _ in site.do(site.runtime.webhooks.all(site.us)) if each.name == "New"
    ]
    assert (found.url, found.events) == (kept["url"], {"reply", "click"})
    assert secret not in ana.page("/webhooks")


def test_a_browsers_zone_is_read_as_the_page_writes_it(ana):
    """`encodeURIComponent` writes a slash as %2F; the page is in that zone all the same."""
    assert "in UTC" in ana.page("/")
    ana.client.cookies.set("sendrail_zone", "America%2FArgentina%2FUshuaia")
    assert "in Ushuaia" in ana.page("/")
    ana.client.cookies.delete("sendrail_zone")
    assert zone_of("Asia/Kolkata") == zone_of("Asia%2FKolkata")


def test_single_keys_are_switched_off_in_a_browser(ana):
    assert "data-keys" not in ana.page("/you")
    ana.post("/shortcuts", keys="off", next="/you")
    assert 'data-keys="off"' in ana.page("/lists")
    ana.page("/you")
    assert ana.post("/shortcuts", keys="maybe").status_code == 400
    ana.post("/shortcuts", keys="on", next="/you")
    assert "data-keys" not in ana.page("/lists")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Mara Lindgren", "ML"), ("Mara", "M"), ("Ana Maria de Souza", "AS"), ("  ", "?"), ("ö", "Ö")],
)
def test_a_person_has_initials(name, shown):
    assert initials_shown(name) == shown
