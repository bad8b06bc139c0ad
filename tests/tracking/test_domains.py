"""Tracking domains: verified by what answers on them, checked daily, used even while they fail."""

import asyncio
from types import SimpleNamespace

import pytest
from stores import NOW, OURS

from sendrail.domain.audit import Actor
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import DAY_MS
from sendrail.domain.webhook import Acknowledged, NotAcknowledged
from sendrail.links.domains import TrackingDomains
from sendrail.telemetry import Metrics
from sendrail.tracking.domains import DomainService
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.verifying import HOUR_MS, DomainChecker, DomainProofs, DomainVerifier

ME = Actor(name="a test")
PROOFS = DomainProofs(b"k" * 32)


class Net:
    """The network: what each URL answers, and which were asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    async def get(self, url, now):  # noqa: ARG002 - the interface's
        self.asked.append(url)
        host, token = url.split("/")[2], url.rpartition("/")[2]
        default = Acknowledged(200, PROOFS.proof(token) + "\n")
        answer = self.answers.get(host, default)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    def __init__(self, house):
        self.house, self.now, self.net = house, NOW, Net()
        clock = lambda: self.now  # noqa: E731
        self.hosts = TrackingHosts(house.store, TrackingDomains())
        self.verifier = DomainVerifier(house.store, self.net, PROOFS, clock)
        self.service = DomainService(
            house.store, self.hosts, self.verifier, api_hosts={"sms.example.com"}, now=clock
        )
        self.metrics = Metrics()

    def do(self, work):
        return self.house.do(work)

    def add(self, host="go.example.com", account=None, **more):
        return self.do(self.service.add(account or self.house.us, host, ME, **more)).domain

    def checker(self, *, owns=True):
        return DomainChecker(
            self.house.store,
            self.verifier,
            self.metrics,
            now=lambda: self.now,
            ownership=SimpleNamespace(owns=lambda: owns),
        )

    def check(self):
        self.net.asked.clear()
        self.do(self.checker().step())
        return [url.split("/")[2] for url in self.net.asked]

    def shown(self, host="go.example.com"):
        return self.do(self.service.show(self.house.us, host)).domain


@pytest.fixture
def desk(house):
    return Desk(house)


def test_a_domain_that_answers_the_proof_is_verified(desk):
    domain = desk.add()
    assert (domain.status, domain.verified_at, domain.checked_at) == ("unverified", None, None)
    desk.now += 5
    found = desk.do(desk.service.verify(desk.house.us, domain.id)).domain
    assert desk.net.asked == [f"https://go.example.com/.well-known/sendrail/{domain.token}"]
    assert (found.status, found.verified_at, found.problem) == ("verified", NOW + 5, None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Acknowledged(200, "hello"), "something else answers on this host"),
        (Acknowledged(200, ""), "something else answers on this host"),
        (NotAcknowledged("no", 404), "it answers 404"),
        (NotAcknowledged("the host has no address"), "the host has no address"),
    ],
)
def test_anything_else_is_a_problem(desk, answer, problem):
    desk.add()
    desk.net.answers["go.example.com"] = answer
    found = desk.do(desk.service.verify(desk.house.us, "go.example.com")).domain
    assert (found.status, found.problem, found.checked_at) == ("unverified", problem, NOW)


def test_the_token_of_another_domain_proves_nothing(desk):
    desk.add()
    desk.net.answers["go.example.com"] = Acknowledged(200, PROOFS.proof("another"))
    assert desk.do(desk.service.verify(desk.house.us, "go.example.com")).domain.problem


def test_each_domain_is_checked_daily_and_one_that_fails_hourly(desk):
    desk.add("a.example.com")
    desk.add("b.example.com", desk.house.them)
    assert desk.check() == ["a.example.com", "b.example.com"]
    assert desk.check() == []
    desk.net.answers["b.example.com"] = NotAcknowledged("no", 502)
    desk.now += DAY_MS
    assert desk.check() == []
    desk.now += 1
    assert desk.check() == ["a.example.com", "b.example.com"]
    desk.now += HOUR_MS
    assert desk.check() == []
    desk.now += 1
    assert desk.check() == ["b.example.com"]


def test_a_host_that_breaks_its_check_keeps_no_other_from_being_asked(desk):
    desk.add("a.example.com")
    desk.add("b.example.com", desk.house.them)
    desk.net.answers["a.example.com"] = OverflowError("of a header, say")
    assert desk.check() == ["a.example.com", "b.example.com"]
    assert desk.shown("a.example.com").problem == "asking it broke off: see the log of that time"
    assert desk.do(desk.service.show(desk.house.them, "b.example.com")).domain.verified_at == NOW
    assert desk.check() == []


def test_whatever_a_host_says_is_kept_as_its_problem(desk):
    desk.add("a.example.com")
    desk.add("b.example.com")
    desk.net.answers["a.example.com"] = NotAcknowledged("certificate of \0 \ud800")
    assert desk.check() == ["a.example.com", "b.example.com"]
    assert desk.shown("a.example.com").problem.startswith("certificate of")
    assert desk.check() == []


def test_a_domain_that_fails_is_shown_and_counted_and_goes_on_being_used(desk):
    domain = desk.add()
    desk.check()
    desk.net.answers["go.example.com"] = NotAcknowledged("no certificate")
    desk.now += DAY_MS + 1
    desk.check()
    found = desk.shown()
    assert (found.status, found.problem, found.verified_at) == ("failing", "no certificate", NOW)
    assert desk.metrics.domains_failing._value.get() == 1
    house = desk.house
    used = house.read(lambda tx: tx.domains.of_list(house.us, house.list.id))
    assert used.id == domain.id
    assert desk.hosts.find("go.example.com") is not None
    del desk.net.answers["go.example.com"]
    desk.now += HOUR_MS + 1
    desk.check()
    assert (desk.shown().status, desk.shown().verified_at) == ("verified", NOW)
    assert desk.metrics.domains_failing._value.get() == 0


def test_a_list_uses_its_own_domain_else_the_accounts_default(desk):
    house = desk.house

    def used():
        found = house.read(lambda tx: tx.domains.of_list(house.us, house.list.id))
        return found and found.host

    assert used() is None
    desk.add("a.example.com")
    desk.add("b.example.com")
    desk.add("c.example.com", house.them)
    assert used() is None  # none was seen to lead here
    for host, account in (("a", house.us), ("b", house.us), ("c", house.them)):
        desk.do(desk.service.verify(account, f"{host}.example.com"))
    assert used() == "a.example.com"
    desk.do(desk.service.change(house.us, "b.example.com", ME, is_default=True))
    assert used() == "b.example.com"
    desk.do(desk.service.use(house.us, PhoneNumber(OURS), "a.example.com", ME))
    assert used() == "a.example.com"
    assert house.read(lambda tx: tx.domains.of_list(house.them, house.list.id)).host == (
        "c.example.com"
    )
    desk.do(desk.service.use(house.us, PhoneNumber(OURS), None, ME))
    assert used() == "b.example.com"


def test_a_list_does_not_use_the_domain_of_another_account(desk):
    desk.add("c.example.com", desk.house.them)
    with pytest.raises(NotFound):
        desk.do(desk.service.use(desk.house.us, PhoneNumber(OURS), "c.example.com", ME))


def test_a_domain_in_use_is_not_removed(desk):
    us = desk.house.us
    desk.add("a.example.com")
    desk.add("b.example.com")
    desk.do(desk.service.use(us, PhoneNumber(OURS), "b.example.com", ME))
    for host in ("a.example.com", "b.example.com"):
        with pytest.raises(Conflict) as refused:
            desk.do(desk.service.remove(us, host, ME))
        assert refused.value.code == "domain_in_use"
    desk.do(desk.service.use(us, PhoneNumber(OURS), None, ME))
    desk.do(desk.service.remove(us, "b.example.com", ME))
    desk.do(desk.service.remove(us, "a.example.com", ME))
    assert desk.do(desk.service.all(us)) == []
    assert desk.hosts.find("a.example.com") is None


def test_another_process_learns_of_a_domain_when_it_looks_again(desk):
    elsewhere = TrackingHosts(desk.house.store, TrackingDomains())
    same = elsewhere.by_host
    desk.add()
    assert elsewhere.find("go.example.com") is None
    desk.do(elsewhere.refresh())
    assert elsewhere.find("GO.example.com:443").account_id == desk.house.us
    assert same is elsewhere.by_host


def test_the_domains_are_read_again_once_anything_was_written(desk):
    hosts, hints = TrackingHosts(desk.house.store, TrackingDomains()), desk.house.store.hints
    refresh, reads = hosts.refresh, asyncio.Queue()

    async def refreshed():
        await refresh()
        reads.put_nowait(hosts.find("go.example.com") is not None)

    async def story():
        # It rests for half a minute, and two seconds at least: neither is waited for here.
        hosts.refresh, hosts._rounds.calm_seconds = refreshed, 0.0
        hints.is_watched = True
        async with asyncio.timeout(60):
            work = asyncio.create_task(hosts.run())
            assert not await reads.get()
            await desk.service.add(desk.house.us, "go.example.com", ME)
            # Nobody has noticed the change yet.
            assert reads.empty()
            hints.changed(elsewhere=True)
            assert await reads.get()
            work.cancel()

    desk.do(story())


def test_a_domain_that_was_removed_while_it_was_asked_is_not_there(desk):
    domain = desk.add()
    desk.do(desk.service.remove(desk.house.us, domain.id, ME))
    assert desk.do(desk.verifier.verify(domain)) is None


def test_a_domain_at_which_the_check_breaks_stops_none_of_the_others(desk):
    for host in ("a.example.com", "b.example.com"):
        desk.add(host)
    # No answer of a client, so that whatever is made of it breaks.
    desk.net.answers["a.example.com"] = object()
    assert desk.check() == ["a.example.com", "b.example.com"]
    assert desk.shown("a.example.com").problem == "asking it broke off: see the log of that time"
    assert desk.shown("b.example.com").status == "verified"
    assert desk.metrics.domains_failing._value.get() == 1
    assert desk.check() == []
    desk.now += HOUR_MS + 1
    assert desk.check() == ["a.example.com"]


def test_only_the_owner_of_the_work_checks(desk):
    desk.add()
    desk.do(desk.checker(owns=False)._round())
    assert desk.net.asked == []
    desk.do(desk.checker()._round())
    assert len(desk.net.asked) == 1
