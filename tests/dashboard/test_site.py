"""What holds for the whole site: the way in, forms, cookies, policies, and its hosts."""

import re

import pytest
from dashboard_site import PASSWORD, Elements
from logged import logged_here

from sendrail.api.limits import FORM_BYTES_MAX
from sendrail.dashboard.cookies import is_loopback
from sendrail.dashboard.pages import ROUTES
from sendrail.domain.user import Role
from sendrail.people.signing_in import CONFIRMED_MS

ANA = "ana@example.com"


@pytest.fixture(scope="module")
def ana(site):
    return site.signed_in(ANA, Role.OWNER, is_operator=True)


def test_the_first_owner_sets_a_password_by_the_link(tmp_path):
    from dashboard_site import Site

    site = Site(tmp_path)
    try:
        browser = site.browser()
        assert "no owner yet" in browser.get("/sign-in").text
        token = site.do(site.runtime.people.users.first_link(site.us))
        assert "Be the first owner" in browser.page(f"/join/{token}")
        answer = browser.post(f"/join/{token}", email="x", name="Ana", password=PASSWORD)
        assert answer.status_code == 400
        assert "ana@example.com" in answer.text
        answer = browser.post(f"/join/{token}", email=ANA, name="Ana", password=PASSWORD)
        assert answer.status_code == 303
        assert browser.get(f"/join/{token}").status_code == 404
        browser.get("/sign-in")
        assert browser.sign_in(ANA).headers["location"] == "/dashboard/"
        assert "Overview" in browser.page("/")
        # What the API answers is what it was.
        api = site.do(browser.client.get("/api/v2/messages"))
        assert api.json()["code"] == "missing_api_key"
    finally:
        site.close()


def test_a_wrong_password_says_what_follows(site):
    site.join("late@example.com", Role.MEMBER)
    browser = site.browser()
    answer = browser.sign_in("late@example.com", "<script>")
    assert (answer.status_code, "After 4 more tries" in answer.text) == (403, True)
    assert "<script>" not in answer.text.replace("<script src", "")
    for _ in range(4):
        browser.sign_in("late@example.com", "wrong")
    answer = browser.sign_in("late@example.com")
    assert (answer.status_code, "Try again in 60 s" in answer.text) == (429, True)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("/messages?view=failed", "/dashboard/messages?view=failed"),
        ("//evil.example/", "/dashboard/"),
        ("/\\evil.example", "/dashboard/"),
        ("https://evil.example", "/dashboard/"),
        ("/a\nb", "/dashboard/"),
        # RFC 3986, 5.2.4, and the URL standard, 4.4: a browser goes up at these.
        ("/../abc", "/dashboard/"),
        ("/x/.%2E/..\\abc", "/dashboard/"),
        ("/contacts?q=../a", "/dashboard/contacts?q=../a"),
    ],
)
def test_one_goes_on_to_pages_of_ours_only(site, ana, wanted, got):
    del ana
    browser = site.browser()
    answer = browser.sign_in(ANA, next=wanted)
    assert answer.headers["location"] == got


def test_cookies_are_for_tls_off_loopback(site, ana):
    del ana
    for host, name, secure in (
        ("127.0.0.1", "sendrail_session", False),
        ("sms.example.com", "__Host-sendrail_session", True),
    ):
        browser = site.browser(host)
        answer = browser.sign_in(ANA)
        [cookie] = [
            each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{name}=")
        ]
        assert ("Secure" in cookie) is secure
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert browser.get("/").status_code == 200
        # It is gone with the session.
        browser.post("/sign-out")
        assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost:8025", True), ("127.0.0.1", True), ("[::1]:8025", True), ("LOCALHOST", True),
        ("sms.example.com", False), ("127.0.0.1.example.com", False), ("", False), ("[::2]", False),
    ],
)  # fmt: skip
def test_loopback_is_known_by_its_names(host, answer):
    assert is_loopback(host) is answer


def test_a_form_of_another_site_does_nothing(site, ana):
    before = site.do(site.runtime.accounts.keys(site.us))
    ana.get("/keys")
    for token, headers in (
        ("", {}),
        ("é" * 48, {}),
        (ana.token, {"origin": "https://evil.example"}),
        (ana.token, {"origin": "null"}),
        # No addresses at all.
        (ana.token, {"origin": "http://["}),
        (ana.token, {"origin": "//[::1"}),
    ):
        answer = ana.ask(
            "POST", "/keys", data={"form_token": token, "name": "evil"}, headers=headers
        )
        assert answer.status_code == 403
    other = site.browser()
    other.get("/sign-in")
    # The token of a form before the session is of no use in it.
    assert ana.post("/keys", token=other.token, name="evil").status_code == 403
    assert site.do(site.runtime.accounts.keys(site.us)) == before


def test_a_form_is_bounded(ana):
    ana.get("/you")
    assert ana.post("/theme", theme="dark", more="x" * FORM_BYTES_MAX).status_code == 413
    many = "&".join(f"f{at}=1" for at in range(300))
    answer = ana.ask("POST", "/theme", content=f"form_token={ana.token}&{many}".encode())
    assert answer.status_code == 400


def test_every_page_keeps_to_the_policy(site, ana):
    """No inline script or style, no other host, and a policy that would stop each of them."""
    for route in ROUTES:
        if route.method != "GET" or "{" in route.path:
            continue
        answer = ana.get(route.path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.headers.get("content-type", "").startswith("text/csv"):
            continue
        assert answer.headers["cache-control"] == "no-store"
        for tag, attributes in Elements(answer.text).found:
            assert tag != "style", route.route
            assert tag != "script" or attributes.get("src", "").startswith("/dashboard/static/")
            assert not {name for name in attributes if name.startswith("on") or name == "style"}
            for name in ("src", "href", "action"):
                assert not re.match(r"(https?:)?//", attributes.get(name) or ""), route.route
    assert site.us


def test_static_files_are_kept_by_the_browser(ana):
    answer = ana.get("/static/app.css")
    assert answer.headers["content-type"].startswith("text/css")
    again = ana.get("/static/app.css", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert ana.get("/static/../site.py").status_code == 404
    assert ana.get("/static/nothing.js").status_code == 404


def test_a_tab_hears_that_nothing_has_changed(ana):
    """A part is marked by what it says, so that who has it is answered without it."""
    for path in ("/", "/messages", "/sandbox"):
        first = ana.get(path, headers={"x-part": "live"})
        assert first.status_code == 200
        again = {"x-part": "live", "if-none-match": first.headers["etag"]}
        kept = ana.get(path, headers=again)
        assert (kept.status_code, kept.content) == (304, b""), path
        assert kept.headers["cache-control"] == "no-store"
        assert "content-security-policy" in kept.headers
        # What tabs share is kept for a time, in which none need ask; a part for one is made anew.
        after = [each.headers.get("x-ask-after") for each in (first, kept)]
        if path == "/sandbox":
            assert after == [None, None]
        else:
            assert all(1 <= int(each) <= 60 for each in after), (path, after)
        # The page itself has a token of its reader in it, and is always whole.
        assert "etag" not in ana.get(path).headers


def test_a_tab_without_a_session_is_shown_the_door(site, ana):
    found = site.browser()
    ana.get("/", headers={"x-part": "live"})
    cookie = ana.client.cookies["sendrail_session"]
    found.client.cookies.set("sendrail_session", cookie)
    assert found.get("/", headers={"x-part": "live"}).status_code == 200
    found.client.cookies.set("sendrail_session", cookie + "x")
    assert found.get("/", headers={"x-part": "live"}).status_code == 303


def test_what_is_not_there_is_said_in_a_page(ana, site):
    answer = ana.get("/nothing")
    assert answer.status_code == 404
    assert "There is no such page" in Elements(answer.text).text
    assert ana.get("/messages/nothing").status_code == 404
    assert ana.get(f"/lists/{'9' * 30}").status_code == 404
    assert ana.get("/lists/%C2%B2").status_code == 404
    assert site.browser().get("/nothing").status_code == 404


def test_keys_ask_for_the_password_again_after_a_while(site, ana):
    ana.get("/keys")
    made = ana.post("/keys", name="warehouse")
    key = re.search(r"trk_[A-Za-z0-9]{32}", made.text)[0]
    site.now += CONFIRMED_MS
    ana.get("/keys")
    answer = ana.ask(
        "POST",
        "/keys",
        data={"form_token": ana.token, "name": "later"},
        headers={"referer": "http://127.0.0.1/dashboard/keys"},
    )
    assert answer.headers["location"] == "/dashboard/confirm?next=%2Fkeys"
    answer = ana.ask(
        "POST", "/keys", data={"form_token": ana.token}, headers={"referer": "http://["}
    )
    assert answer.headers["location"] == "/dashboard/confirm?next=%2F"
    ana.page("/confirm?next=%2Fkeys")
    assert ana.post("/confirm", password="wrong", next="/keys").status_code == 403
    answer = ana.post("/confirm", password=PASSWORD, next="/keys")
    assert answer.headers["location"] == "/dashboard/keys"
    page = ana.page("/keys")
    assert "warehouse" in page
    assert "later" not in page
    assert key not in page
    [made] = [
        each for each in site.do(site.runtime.accounts.keys(site.us)) if each.name == "warehouse"
    ]
    assert "Revoke warehouse?" in ana.page(f"/keys/{made.id}/revoke")
    ana.post(f"/keys/{made.id}/revoke")
    assert "Revoked" in ana.page("/keys")
    actions = [
        each.action
        for each in site.do(site.runtime.store.read(lambda tx: tx.audit.page(site.us, None, 0, 9)))
        if each.actor == f"user {ANA}"
    ]
    assert {"key.added", "key.revoked"} <= set(actions)


def test_the_dashboard_is_not_on_a_tracking_domain(site, ana):
    del ana
    site.write(
        lambda tx: tx.domains.add(
            site.us, host="go.links.example", letters=7, is_default=False, token="t",
            verified_at=1, checked_at=site.runtime.clock.now(), created_at=1,
        )
    )  # fmt: skip
    site.do(site.runtime.tracking.hosts.refresh())
    browser = site.browser("go.links.example")
    for path in ("", "/", "/sign-in", "/static/app.css"):
        assert browser.get(path).status_code == 404
    assert site.browser("elsewhere.example").get("/sign-in").status_code == 200


def test_a_theme_is_kept_in_the_browser(ana):
    ana.get("/you")
    ana.post("/theme", theme="dark", next="/you")
    assert '<html lang="en" data-theme="dark">' in ana.page("/you")
    ana.post("/theme", theme="system", next="/you")
    assert "data-theme" not in ana.page("/you")
    assert ana.post("/theme", theme="<b>").status_code == 400


def test_what_breaks_is_a_page_with_the_requests_id(site, ana):
    class Broken:
        async def all_details(self, _account):
            raise RuntimeError("a secret")

    kept = site.runtime.lists
    object.__setattr__(site.runtime, "lists", Broken())
    try:
        with logged_here() as lines:
            answer = ana.get("/lists")
    finally:
        object.__setattr__(site.runtime, "lists", kept)
    assert [line["event"] for line in lines] == ["page_broke"]
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "a secret" not in answer.text
