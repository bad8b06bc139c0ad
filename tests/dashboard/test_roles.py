"""Each route against each role and each account: what is shown, and what the server refuses."""

import re

import pytest
from campaigning import a_campaign
from dashboard_site import ME, PASSWORD, Elements, reply_from
from written import parsed

from sendrail.connectors.service import ConnectorCapacity
from sendrail.dashboard.navigation import GROUPS
from sendrail.dashboard.pages import ROUTES
from sendrail.dashboard.paths import PREFIX
from sendrail.domain.user import PERMISSIONS, Permission, Role

HIDDEN = "your role does not see it"
OLD = "This form is too old"
OPEN = {"GET /sign-in", "POST /sign-in", "GET /join/{token}", "POST /join/{token}"}
# What would take the browser out of the matrix.
ENDS_THE_SESSION = {"POST /sign-out"}


def runtime_journey(site):
    return site.runtime.journeys.add(site.us, parsed("+15557000001"), "ours")


def _task(site, journey):
    return site.runtime.journey_progress.exit_all(site.us, journey.id, is_confirmed=True)


class Matrix:
    def __init__(self, site):
        self.site = site
        self.browsers = {
            **{role: site.signed_in(f"{role}@example.com", role) for role in Role},
            "operator": site.signed_in("op@example.com", Role.OWNER, is_operator=True),
        }
        self.stranger = site.signed_in("owner@them.example", Role.OWNER, site.them)
        ours = site.do(site.runtime.lists.add(site.us, parsed("+15557000001"), connector="sandbox"))
        key = site.do(site.runtime.accounts.create_key(site.us, "ours"))
        contacts = site.runtime.contacts
        site.do(contacts.add(site.us, parsed("+15557000001"), parsed("+15557100001")))
        message_id = site.send("+15557100001", "+15557000001", "Hello")
        victim = site.join("victim@example.com", Role.MEMBER)
        site.do(
            site.runtime.connectors.add(
                site.us, "simulator", "own", {}, ConnectorCapacity(), own=True
            )
        )
        journey = site.do(runtime_journey(site))
        reply_from(site, ours.sender.id, 15557100001, "ours")
        added = site.do(site.runtime.tracking.domains.add(site.us, "go.ours.example", ME))
        self.of = {
            "domain_id": str(added.domain.id),
            "journey_id": str(journey.id),
            "task_id": str(site.do(_task(site, journey)).id),
            "list_id": str(ours.sender.id),
            "message_id": message_id,
            "name": "own",
            "key_id": str(key.record.id),
            "id": str(victim.id),
            "token": "no-such-token",
            "number": "15557100001",
            "upload_id": str(site.do(_upload(site))),
            "endpoint_id": str(_endpoint(site, site.us).id),
            **a_campaign(site, ours.sender.id),
        }

    def path(self, route):
        path = route.path
        for name, value in self.of.items():
            path = path.replace(f"{{{name}}}", value)
        return path


async def _upload(site):
    async def chunks():
        yield b"phone_number\n+15557100001\n"

    return await site.runtime.uploads.take(
        site.us, parsed("+15557000001"), chunks(), ME, name="ours.csv"
    )


def _endpoint(site, account):
    webhooks = site.runtime.webhooks
    return site.do(webhooks.add(account, "https://hooks.example.com/", name="ours")).endpoint


@pytest.fixture(scope="module")
def matrix(site):
    return Matrix(site)


def allowed(role, route):
    permissions = frozenset(Permission) if role == "operator" else PERMISSIONS[role]
    return route.permission is None or route.permission in permissions


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.route)
def test_each_role_gets_what_is_its_own(matrix, route):
    path = matrix.path(route)
    if route.route in OPEN:
        assert not route.signed_in
        return
    assert route.signed_in
    nobody = matrix.site.browser()
    nobody.get("/sign-in")
    answer = nobody.get(path) if route.method == "GET" else nobody.post(path)
    assert (answer.status_code, answer.headers["location"][:18]) == (303, "/dashboard/sign-in")
    for role, browser in matrix.browsers.items():
        if route.method == "POST":
            assert OLD in browser.post(path, token="0" * 48).text
            if route.route in ENDS_THE_SESSION or (allowed(role, route) and role != Role.VIEWER):
                # That those who may can is what the other tests are about.
                continue
        answer = browser.get(path) if route.method == "GET" else browser.post(path)
        assert (HIDDEN in answer.text) is not allowed(role, route), (role, route.route)
        if not allowed(role, route):
            assert answer.status_code == 404
        elif route.method == "GET":
            assert answer.status_code == 200, (role, answer.text[-500:])


OF_AN_ACCOUNT = [route for route in ROUTES if route.permission is not None and "{" in route.path]


@pytest.mark.parametrize("route", OF_AN_ACCOUNT, ids=lambda route: route.route)
def test_what_is_another_accounts_is_not_there(matrix, route):
    """An owner of another account, who may do everything, finds none of our things."""
    browser, path = matrix.stranger, matrix.path(route)
    before = matrix.site.do(matrix.site.runtime.store.read(_everything))
    fields = {"role": "owner", "name": "x", "rate": "5", "password": PASSWORD}
    answer = browser.get(path) if route.method == "GET" else browser.post(path, **fields)
    assert HIDDEN not in answer.text
    if route.path == "/keys/{key_id}/revoke" and route.method == "GET":
        assert "Revoke ours?" not in answer.text
    elif route.path == "/team/invitations/{id}/end":
        # To take back what is not there is no error; it changes nothing.
        assert answer.status_code == 303
    else:
        assert answer.status_code == 404, answer.text[-500:]
    assert matrix.site.do(matrix.site.runtime.store.read(_everything)) == before


def _everything(tx):
    us = tx.accounts.all()[0].id
    return (
        tx.lists.all(us, None),
        tx.accounts.keys(us),
        [(user.email, role) for user, role in tx.users.members(us)],
        tx.connectors.usable(us),
        tx.endpoints.all(us),
        tx.audit.page(us, None, 0, 50),
        tx.journeys.all(us),
        tx.domains.all(us),
        tx.uploads.newest(us, 50),
    )


def test_the_sidebar_shows_what_a_role_may_see(matrix):
    for role, browser in matrix.browsers.items():
        shown = set(Elements(browser.page("/")).links())
        for group in GROUPS:
            for place in group.places:
                [route] = [each for each in ROUTES if each.route == f"GET {place.path}"]
                assert route.permission is place.permission
                assert (place.url in shown) is allowed(role, route), (role, place.path)


def test_every_page_without_a_name_in_its_address_is_in_the_sidebar():
    places = {place.path for group in GROUPS for place in group.places}
    beside = {
        "/sign-in", "/confirm", "/you", "/messages.csv", "/reports.csv", "/clicks",
        "/contacts/import", "/contacts/add", "/contacts.csv", "/blocks", "/blocks.csv",
        "/campaigns/calendar", "/reports/cohorts", "/reports/cohorts.csv",
    }  # fmt: skip
    # Where something new is made, the button stands on the page of its kind.
    pages = {each.path.removesuffix("/new") for each in ROUTES if each.method == "GET"}
    assert places == {each for each in pages if "{" not in each} - beside


@pytest.mark.parametrize(
    "route",
    [each for each in ROUTES if each.method == "GET" and each.permission is not None],
    ids=lambda route: route.route,
)
def test_each_page_lights_one_place_of_the_sidebar(route):
    lit = [
        place.path
        for group in GROUPS
        for place in group.places
        if place.has(PREFIX + route.path.removesuffix(".csv"))
    ]
    first = f"/{route.path.removesuffix('.csv').split('/')[1]}"
    assert lit == [{"/clicks": "/domains", "/blocks": "/contacts"}.get(first, first)]


@pytest.mark.parametrize(
    ("path", "title"), [("/clicks", "Domains"), ("/blocks", "Contacts"), ("/", "Overview")]
)
def test_a_page_beside_another_lights_its_place(matrix, path, title):
    page = matrix.browsers[Role.OWNER].page(path)
    side = page.partition('<nav class="side"')[2].partition("</nav>")[0]
    lit = re.findall(r'aria-current="page">.*?</svg> ([\w ]+)<', side)
    assert lit == [title]


def test_a_viewer_sees_no_recipient_and_no_text(matrix):
    browser = matrix.browsers[Role.VIEWER]
    for route in ROUTES:
        if route.method == "GET" and "token" not in route.path:
            text = browser.get(matrix.path(route)).text
            assert "557 100 0001" not in text
            assert "15557100001" not in text


def test_in_a_suspended_account_its_people_may_only_look(matrix):
    site = matrix.site
    account = site.do(site.runtime.accounts.add("suspended"))
    browser = site.signed_in("owner@suspended.example", Role.OWNER, account)
    assert browser.get("/keys").status_code == 200
    site.do(site.runtime.accounts.suspend("suspended"))
    assert [browser.get(path).status_code for path in ("/", "/messages", "/keys", "/send")] == [
        200, 200, 404, 404,
    ]  # fmt: skip
