"""A list's links stand on its own domain, else its account's default, else the sandbox's server."""

import pytest
from stores import NOW

from sendrail.links.domains import LinkHost, LinkSender, TrackingDomains
from sendrail.tracking.hosts import TrackingHosts

SANDBOX = "http://127.0.0.1:8025"


class Desk:
    """An account with a list of the sandbox and one on a carrier; domains as they are read."""

    def __init__(self, house):
        self.house = house
        self.carrier = house.write(
            lambda tx: tx.connectors.add(None, "carrier", "smpp", b"", 9, None)
        )
        self.domains = TrackingDomains(SANDBOX)
        self.hosts = TrackingHosts(house.store, self.domains)

    def add(self, host, account=None, *, verified=True, letters=7, default=False):
        return self.house.write(
            lambda tx: tx.domains.add(
                account or self.house.us,
                host=host,
                letters=letters,
                is_default=default,
                token=host,
                created_at=NOW,
                verified_at=NOW if verified else None,
            )
        )

    def let_list_use(self, domain, account=None, sender=None):
        us = account or self.house.us
        self.house.write(lambda tx: tx.domains.use(us, domain, [(sender or self.house.list).id]))

    def change(self, domain, **values):
        self.house.write(lambda tx: tx.domains.change(self.house.us, domain, **values))

    def refresh(self):
        self.house.do(self.hosts.refresh())

    def sender(self, connector=None):
        return LinkSender(self.house.us, self.house.list.id, connector or self.carrier)

    def host_of(self, sender=None, domains=None):
        found = self.house.read(
            lambda tx: (domains or self.domains).host_of(tx, sender or self.sender())
        )
        return None if found is None else found.prefix

    def on_sandbox(self):
        return self.host_of(self.sender(self.house.connector))


@pytest.fixture(params=["remembered", "read"])
def desk(house, request):
    desk = Desk(house)
    if request.param == "read":
        # As in the command line, where nothing reads the domains again and again.
        desk.refresh = lambda: None
    return desk


def test_a_list_without_a_domain_has_no_links_unless_it_is_the_sandboxs(desk):
    desk.refresh()
    assert desk.host_of() is None
    assert desk.on_sandbox() == f"{SANDBOX}/"


def test_the_default_of_the_account_is_for_lists_that_name_none(desk):
    desk.add("go.example.com", default=True)
    own = desk.add("go.example.org")
    desk.refresh()
    assert desk.host_of() == desk.on_sandbox() == "https://go.example.com/"
    desk.let_list_use(own)
    desk.refresh()
    assert desk.host_of() == desk.on_sandbox() == "https://go.example.org/"


def test_another_accounts_domain_is_for_none_of_ours(desk):
    theirs = desk.add("go.example.net", desk.house.them, default=True)
    desk.let_list_use(theirs, desk.house.them, desk.house.their_list)
    desk.refresh()
    assert desk.host_of() is None


def test_a_domain_that_never_led_here_is_passed_over(desk):
    desk.add("go.example.com", default=True)
    own = desk.add("go.example.org", verified=False)
    desk.let_list_use(own)
    desk.refresh()
    assert desk.host_of() == "https://go.example.com/"
    desk.change(own, verified_at=NOW)
    desk.refresh()
    assert desk.host_of() == "https://go.example.org/"


def test_a_sandboxs_list_with_an_unverified_domain_has_the_server_itself(desk):
    desk.add("go.example.com", default=True, verified=False)
    desk.refresh()
    assert desk.on_sandbox() == f"{SANDBOX}/"
    assert desk.host_of() is None


def test_a_domain_that_fails_goes_on_being_used(desk):
    domain = desk.add("go.example.com", default=True)
    desk.change(domain, problem="no certificate")
    desk.refresh()
    assert desk.host_of() == "https://go.example.com/"


def test_a_domains_links_have_as_many_letters_as_it_says(desk):
    desk.add("go.example.com", default=True, letters=10)
    desk.refresh()
    found = desk.house.read(lambda tx: desk.domains.host_of(tx, desk.sender()))
    assert found == LinkHost("https://go.example.com/", 10)


def test_a_known_domain_takes_no_statement(house):
    desk = Desk(house)
    desk.add("go.example.com", default=True)
    desk.refresh()
    nothing = object()  # whatever it is asked for is an error
    assert desk.domains.host_of(nothing, desk.sender()).prefix == "https://go.example.com/"


def test_a_domain_that_another_process_has_just_verified_is_found(house):
    desk = Desk(house)
    domain = desk.add("go.example.com", default=True, verified=False)
    desk.refresh()
    desk.change(domain, verified_at=NOW)
    assert desk.host_of() == "https://go.example.com/"


def test_a_domain_that_is_gone_is_forgotten(house):
    desk = Desk(house)
    domain = desk.add("go.example.com", default=True)
    desk.refresh()
    house.write(lambda tx: tx.domains.remove(house.us, domain))
    desk.refresh()
    assert desk.host_of() is None


def test_without_an_address_of_its_own_the_sandbox_has_no_links(house):
    desk = Desk(house)
    domains = TrackingDomains()
    assert desk.host_of(desk.sender(house.connector), domains) is None
    domains.let_sandbox_use("http://localhost:9/")
    assert desk.host_of(desk.sender(house.connector), domains) == "http://localhost:9/"
