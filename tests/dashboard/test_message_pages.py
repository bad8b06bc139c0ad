"""Messages by what their metadata holds, within a bound; and what endpoints were told of one."""

import pytest
from campaigning import a_run, a_schedule, an_audience
from dashboard_site import Elements
from written import parsed

from sendrail.dashboard.pages import messages as pages
from sendrail.dashboard.showing import count_shown
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.user import Role
from sendrail.intake.lookup import LOOKED_MAX, METADATA_LOOKED_MAX

LIST = "+15557400001"


@pytest.fixture
def shop(fresh_site):
    site = fresh_site
    site.do(site.runtime.lists.add(site.us, parsed(LIST), connector="sandbox"))
    site.browser_of_ana = site.signed_in("ana@example.com", Role.MEMBER)
    return site


def sent(site, number, metadata):
    return site.send(f"+1555741{number:04d}", LIST, f"text {number}", metadata=metadata)


def test_messages_are_found_by_a_value_of_their_metadata(shop):
    ana = shop.browser_of_ana
    for number, metadata in enumerate(
        (b'{"order": "17", "paid": true}', b'{"order": 17}', b'{"order": "171"}', None)
    ):
        sent(shop, number, metadata)

    def found(meta, path="/messages"):
        text = ana.get(path, params={"meta": meta}).text
        return [number for number in range(4) if f"text {number}" in text]

    assert found("order=17") == [0, 1]
    assert found(" order = 171 ") == [2]
    assert found("paid=true") == [0]
    assert found("paid=false") == found("order=") == found("no=17") == []
    assert found("order=17", "/messages.csv") == [0, 1]
    page = ana.get("/messages", params={"meta": "order=17"}).text
    assert ", of 4 looked at, back to" in page
    for wrong in ("order", "=17"):
        assert "such as order=1017" in ana.get("/messages", params={"meta": wrong}).text
        assert ana.get("/messages.csv", params={"meta": wrong}).status_code == 404


def change(shop, statement):
    shop.write(lambda tx: tx.core.exec_driver_sql(statement))


def multiply_newest(shop, times):
    """Write the newest message so many times more."""

    def multiply(tx):
        run = tx.core.exec_driver_sql
        columns = [row[1] for row in run("PRAGMA table_info(messages)")]
        number = run("SELECT max(number) FROM messages").scalar_one()
        values = ", ".join("number + n" if each == "number" else each for each in columns)
        run(
            "INSERT INTO messages WITH RECURSIVE many (n) AS "
            f"(SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {times}) "
            f"SELECT {values} FROM messages, many WHERE number = {number}"
        )

    shop.write(multiply)


def test_a_search_says_how_far_it_has_looked_and_goes_on_from_there(shop):
    ana = shop.browser_of_ana
    sent(shop, 1, b'{"order": "first"}')
    sent(shop, 2, b'{"order": "other"}')

    multiply_newest(shop, METADATA_LOOKED_MAX)
    html = ana.get("/messages", params={"meta": "order=first"}).text
    assert f"{count_shown(METADATA_LOOKED_MAX)} messages were looked at, back to" in html
    [further] = [each for each in Elements(html).links() if "before=" in each]
    assert "text 1" in ana.page(further.removeprefix("/dashboard"))
    assert "text 1" in ana.get("/messages.csv", params={"meta": "order=first"}).text
    # A page that is full ends where its last row stands, and the next begins there.
    html = ana.get("/messages", params={"meta": "order=other"}).text
    assert ">Older" in html
    assert "50 shown" in html
    # How far it was looked says nothing there; and it is not asked again every few seconds.
    assert "looked at" not in html
    assert 'id="live" data-live' not in html


def test_a_file_of_a_search_says_how_far_it_has_looked(shop, monkeypatch):
    ana = shop.browser_of_ana
    sent(shop, 1, b'{"order": "first"}')
    sent(shop, 2, b'{"order": "other"}')
    multiply_newest(shop, 2 * METADATA_LOOKED_MAX)
    change(shop, "UPDATE messages SET created_at = 1767225600000 + number % 1000")
    # Each tenth has the value.
    change(shop, """UPDATE messages SET metadata = '{"order": "tenth"}' WHERE number % 10 = 0""")
    monkeypatch.setattr(pages, "CSV_LOOKED_MAX", METADATA_LOOKED_MAX)
    *rows, last = ana.get("/messages.csv", params={"meta": "order=tenth"}).text.splitlines()
    # So many rows were looked through at the least, and not all of them.
    assert METADATA_LOOKED_MAX // 20 < len(rows) - 1 < 2 * METADATA_LOOKED_MAX // 10
    # The last one that is there is how far all of them were found.
    accepted_at = rows[-1].split(",")[9]
    assert last == f"Only messages back to {accepted_at} were looked at."


@pytest.mark.parametrize("asked", [{"view": "dropped"}, {"q": "+15557411001"}])
def test_a_search_without_an_index_stops_at_its_bound(shop, asked):
    ana = shop.browser_of_ana
    oldest = sent(shop, 1001, None)
    shop.write(lambda tx: tx.core.exec_driver_sql("UPDATE messages SET status = 'dropped'"))
    sent(shop, 2, None)
    multiply_newest(shop, LOOKED_MAX)
    html = ana.get("/messages", params=asked).text
    assert f"{count_shown(LOOKED_MAX)} messages were looked at, back to" in html
    assert oldest not in html
    [further] = [each for each in Elements(html).links() if "before=" in each]
    assert oldest in ana.page(further.removeprefix("/dashboard"))


def test_a_search_for_a_number_goes_where_its_messages_are(shop):
    ana = shop.browser_of_ana
    oldest = sent(shop, 1001, None)
    change(shop, "UPDATE messages SET created_at = created_at - 60000")
    sent(shop, 2, None)
    multiply_newest(shop, 2 * LOOKED_MAX)
    while shop.write(lambda tx: tx.activity.count(100_000)):
        pass
    html = ana.get("/messages", params={"q": "+15557411001"}).text
    assert oldest in html
    # One that came since is not counted yet, and is found all the same.
    multiply_newest(shop, 1)
    change(
        shop,
        "UPDATE messages SET recipient = 15557411001 "
        "WHERE number = (SELECT max(number) FROM messages)",
    )
    html = ana.get("/messages", params={"q": "+15557411001"}).text
    newest = shop.write(
        lambda tx: tx.core.exec_driver_sql("SELECT max(number) FROM messages").scalar_one()
    )
    assert oldest in html
    assert shop.runtime.ids.show(newest) in html
    assert "before=" not in html
    html = ana.get("/messages", params={"q": "+15557411003"}).text
    assert "No message matches" in html
    assert "before=" not in html


def test_what_endpoints_were_told_stands_on_the_timeline(shop):
    ana = shop.browser_of_ana
    message_id = sent(shop, 1, None)
    number = shop.runtime.ids.read(message_id)
    hooks = shop.runtime.webhooks
    ours = shop.do(hooks.add(shop.us, "https://hooks.example/", name="Shop")).endpoint
    theirs = shop.do(hooks.add(shop.them, "https://hooks.example/", name="Stranger")).endpoint
    now = shop.runtime.clock.now()

    def told(tx):
        for event, endpoint, kind in (
            (1, ours.id, "delivery"), (2, theirs.id, "delivery"),
            (3, ours.id, "sent"), (4, ours.id, "conversion"),
        ):  # fmt: skip
            tx.core.exec_driver_sql(
                "INSERT INTO outbox (id, endpoint_id, kind, ref, at, due_at, told, attempts, "
                "retries) VALUES (?, ?, ?, ?, ?, NULL, 1, 2, 0)",
                (event, endpoint, kind, number, now),
            )
        for event, attempt, outcome, status, detail in (
            (1, 1, "failed", None, "connection refused"), (1, 2, "acknowledged", 204, ""),
            (2, 1, "acknowledged", 200, ""), (4, 1, "acknowledged", 200, ""),
        ):  # fmt: skip
            tx.core.exec_driver_sql(
                "INSERT INTO webhook_attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (event, attempt, ours.id, now, now + 100 * attempt, outcome, status, detail),
            )

    shop.write(told)
    text = Elements(ana.page(f"/messages/{message_id}")).text
    assert "Webhook delivery to Shop: attempt 1 failed No answer in 100 ms" in text
    assert "connection refused" in text
    assert "Webhook delivery to Shop: delivered Answered 204 in 200 ms" in text
    assert "Webhook sent to Shop: waits" in text
    assert "Stranger" not in text
    assert "conversion" not in text


def test_messages_are_found_by_the_campaign_or_journey_that_sent_them(shop):
    ana = shop.browser_of_ana
    list_id = shop.do(shop.runtime.lists.find(shop.us, parsed(LIST))).sender.id
    audience = an_audience(shop, list_id)
    ours, other = (a_schedule(shop, audience, name) for name in ("Autumn", "Winter"))
    runs = [a_run(shop, ours, day=f"2098-10-0{day}") for day in (3, 4)]
    journey = shop.do(shop.runtime.journeys.add(shop.us, parsed(LIST), "Welcome"))
    origins = [
        *(Origin(OriginKind.RUN, run, 1, "1") for run in runs),
        Origin(OriginKind.JOURNEY, journey.id, 1, "hello"),
        # A journey with the number of a run, and a run of nobody.
        Origin(OriginKind.JOURNEY, runs[1], 1, "x"),
        Origin(OriginKind.RUN, 9_999, 1, "1"),
    ]

    def write(tx):
        ids = tx.origins.find_or_add(shop.us, origins)
        for at, origin in enumerate(origins):
            number = shop.runtime.ids.read(sent_ids[at])
            tx.core.exec_driver_sql(
                "UPDATE messages SET origin_id = ? WHERE number = ?", (ids[origin], number)
            )

    sent_ids = [sent(shop, at, None) for at in range(len(origins) + 1)]
    shop.write(write)

    def found(source, path="/messages"):
        text = ana.get(path, params={"from": source}).text
        return [at for at in range(len(sent_ids)) if f"text {at}" in text]

    assert found(f"campaign {ours.ref}") == [0, 1]
    assert found(f"campaign {ours.ref}", "/messages.csv") == [0, 1]
    assert found(f"journey {journey.id}") == [2]
    assert found(f"campaign {other.ref}") == found("campaign x") == found("journey x") == []
    assert "neither a campaign nor a journey" in ana.get("/messages?from=list+1").text
    # What is filtered by is named, also where it is none of those on offer.
    html = ana.get("/messages", params={"from": f"campaign {ours.ref}"}).text
    assert f'<option value="campaign {ours.ref}" selected>Autumn</option>' in html
    assert 'value="campaign x" selected>an older one' in ana.get("/messages?from=campaign+x").text
    assert (
        f"/dashboard/messages?from=campaign+{ours.ref}"
        in Elements(ana.page(f"/campaigns/{ours.ref}")).links()
    )
