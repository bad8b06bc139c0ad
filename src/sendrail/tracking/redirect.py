"""The redirect: requests for short links, found, judged and kept in groups, then answered.

A click is durable before its answer. But no visitor is turned away for it: one whose link is
known is led on after a quarter of a second at most, whatever the storage does, and the click may
be lost. Where a link leads must be known first, and a storage that is slow is waited for longer.
"""

import asyncio
from collections import Counter as Tally
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from typing import Final, Protocol

import structlog

from sendrail.domain.click_classes import ClickVerdict
from sendrail.domain.errors import Contended
from sendrail.storage.interface import Store, Tx
from sendrail.storage.tracking.clicks import ClickRow
from sendrail.telemetry import Metrics
from sendrail.tracking import judging
from sendrail.tracking.finding import Link, LinkFinder, NoLink, WantedLink
from sendrail.tracking.judging import ClickJudge
from sendrail.tracking.link_requests import LinkAnswer, LinkRequest
from sendrail.tracking.misses import Misses
from sendrail.tracking.visitors import AgentIds, Visitor, Visitors, cut_agent

_log = structlog.get_logger()

# Longer than nearly every commit, and shorter than a person notices behind a phone's radio.
WAIT_SECONDS_MAX: Final = 0.25
# A person waits so long for a page; after that the storage is as good as away.
FIND_SECONDS_MAX: Final = 3.0
# By how much an event loop may call before the time.
_EARLY_SECONDS_MAX: Final = 0.005
# Past this a bigger transaction brings no more throughput, only more wait.
_GROUP_MAX: Final = 512
# More tries than two transactions can be in each other's way by chance.
_CONTENDED_MAX: Final = 5
# Links that are followed while the storage is away were followed just before, most of them.
_LINKS_KEPT: Final = 4_096


class WaitClock(Protocol):
    """What the wait goes by: an event loop."""

    def time(self) -> float: ...
    def call_later(self, delay: float, callback: Callable[[], object]) -> object: ...


class _Group:
    """Requests of one transaction, and what becomes of them once it is durable."""

    __slots__ = ("agents", "at", "judged", "requests")

    def __init__(self) -> None:
        self.requests: list[LinkRequest] = []
        self.judged: list[tuple[LinkAnswer, ClickVerdict | None]] = []
        self.agents: dict[bytes, int] = {}
        self.at = 0


class RedirectService:
    """Answers requests for short links."""

    def __init__(
        self,
        store: Store,
        finder: LinkFinder,
        judge: ClickJudge,
        *,
        visitors: Visitors,
        misses: Misses,
        metrics: Metrics,
        now: Callable[[], int],
        waiting_max: int,
        clock: WaitClock | None = None,
    ) -> None:
        """Keep at most `waiting_max` requests waiting for the storage."""
        self._store = store
        self._finder = finder
        self._judge = judge
        self._visitors = visitors
        self._misses = misses
        self._metrics = metrics
        self._now = now
        self._waiting_max = waiting_max
        self._clock = clock or asyncio.get_running_loop()
        self._agents = AgentIds()
        self._waiting: deque[LinkRequest] = deque()
        self._scheduled = False
        # Those without an answer yet, and some with one, in the order in which they came.
        self._open: deque[LinkRequest] = deque()
        # When the waits are looked at next.
        self._wakes_at = inf
        # Those that have waited for their click, and whose link is not known yet.
        self._unfound: deque[LinkRequest] = deque()
        self._known: OrderedDict[str, Link] = OrderedDict()
        # How often in a row our transaction was in another's way.
        self._contended = 0
        # Whether clicks are being lost: it is logged when that begins and when it ends.
        self._is_losing = False

    def offer(self, request: LinkRequest) -> None:
        """Take a request; it is resolved once, now or later."""
        if seconds := self._misses.seconds_left(request.address):
            self._answer(request, judging.too_many(seconds))
            return
        request.at = self._now()
        request.agent = cut_agent(request.agent)
        if len(self._waiting) >= self._waiting_max:
            self._answer_unkept(request)
            self._count_lost([request])
            return
        request.since = self._clock.time()
        self._open.append(request)
        self._waiting.append(request)
        if self._wakes_at == inf:
            self._wake_at(request.since + WAIT_SECONDS_MAX)
        if not self._scheduled:
            self._schedule()

    # A group of all that waits

    def _schedule(self) -> None:
        self._scheduled = True
        group = _Group()
        # One statement writes, as a rule: then no transaction need be begun for it.
        self._store.submit(partial(self._work, group), partial(self._committed, group), begun=False)

    def _work(self, group: _Group, tx: Tx) -> None:
        waiting, requests = self._waiting, group.requests
        while waiting and len(requests) < _GROUP_MAX:
            request = waiting.popleft()
            if request.answered and not request.is_late:
                # It was asked to come again.
                continue
            requests.append(request)
        self._scheduled = False
        if waiting:
            self._schedule()
        group.at = self._now()
        wanted = [WantedLink(request.text, request.domain) for request in requests]
        found = self._finder.find(tx, wanted, group.at)
        for request, link in zip(requests, found, strict=True):
            request.found = link
            if isinstance(link, Link):
                self._remember(request.text, link)
            elif link is NoLink.GONE:
                # Of an erased person nothing is left here either.
                self._known.pop(request.text, None)
        if self._unfound:
            self._wait_for_clicks()
        self._keep(tx, group)

    def _keep(self, tx: Tx, group: _Group) -> None:
        """Judge the requests of a group, and write their clicks."""
        visits: list[tuple[LinkRequest, Link, Visitor, ClickVerdict]] = []
        for request in group.requests:
            link = request.found
            if not isinstance(link, Link):
                group.judged.append((_answer_without(request), None))
                continue
            visitor = self._visitors.describe(request.address, request.at)
            result = self._judge.judge(request, link, visitor.kind)
            if request.answered and not request.is_late:
                # Who was asked to come again was not led anywhere.
                result = result._replace(verdict=None)
            group.judged.append(result)
            if result.verdict is not None:
                visits.append((request, link, visitor, result.verdict))
        if not visits:
            return
        agents = {request.agent for request, _, _, _ in visits if request.agent}
        group.agents = ids = self._agents.find(tx, agents, group.at)
        tx.clicks.add(
            [
                ClickRow(
                    link.lane, link.account_id, link.number, link.position, request.at,
                    verdict.click_class, verdict.reason, ids.get(request.agent), visitor.network,
                    visitor.digest,
                )
                for request, link, visitor, verdict in visits
            ]
        )  # fmt: skip

    def _committed(self, group: _Group, _: None, error: Exception | None) -> None:
        requests = group.requests
        if error is not None:
            if not requests:
                # The transaction could not even begin, and `_work` never ran.
                self._scheduled = False
                requests = list(self._waiting)
                self._waiting.clear()
            if isinstance(error, Contended) and self._contended < _CONTENDED_MAX:
                self._contended += 1
                self._waiting.extendleft(reversed(requests))
                if not self._scheduled:
                    self._schedule()
                return
            self._lose(requests, error)
        else:
            self._answer_group(group)
        self._contended = 0
        opened = self._open
        while opened and opened[0].answered:
            opened.popleft()

    def _answer_group(self, group: _Group) -> None:
        self._agents.remember(group.agents, group.at)
        if self._is_losing:
            self._is_losing = False
            _log.info("clicks_kept_again")
        kept: Tally[str] = Tally()
        statuses: Tally[int] = Tally()
        for request, (answer, verdict) in zip(group.requests, group.judged, strict=True):
            if verdict is not None:
                kept[verdict.click_class.name.lower()] += 1
            elif answer is judging.NOT_FOUND:
                self._misses.add(request.address)
                self._metrics.link_misses.inc()
            if not request.answered:
                statuses[answer.status] += 1
                request.answered = True
                request.resolve(answer)
        for name, count in kept.items():
            self._metrics.clicks.labels(name).inc(count)
        for status, count in statuses.items():
            self._metrics.link_answers.labels(str(status)).inc(count)
        self._metrics.redirect_group.observe(len(group.requests))

    # Without the storage

    def _wake_at(self, at: float) -> None:
        """Let the waits be looked at no later than at a time."""
        if at < self._wakes_at:
            self._wakes_at = at
            self._clock.call_later(at - self._clock.time(), self._expire)

    def _expire(self) -> None:
        """Answer those that have waited long enough; their clicks may be kept all the same."""
        now = self._clock.time()
        if now < self._wakes_at - _EARLY_SECONDS_MAX:
            # An earlier one was wanted since, and has been.
            return
        self._wakes_at = inf
        opened, unfound = self._open, self._unfound
        while opened and (opened[0].answered or opened[0].since <= now - WAIT_SECONDS_MAX):
            request = opened.popleft()
            if request.answered:
                continue
            if self._known_link(request) is not None:
                self._answer_unkept(request)
            else:
                unfound.append(request)
        while unfound and (unfound[0].answered or unfound[0].since <= now - FIND_SECONDS_MAX):
            request = unfound.popleft()
            if not request.answered:
                self._answer_unkept(request)
        if opened:
            self._wake_at(opened[0].since + WAIT_SECONDS_MAX)
        if unfound:
            self._wake_at(unfound[0].since + FIND_SECONDS_MAX)

    def _wait_for_clicks(self) -> None:
        """Let those whose link was found late wait for their click as all others do."""
        now, found = self._clock.time(), [each for each in self._unfound if each.found is not None]
        self._unfound = deque(each for each in self._unfound if each.found is None)
        for request in found:
            request.since = now
        self._open += found
        self._wake_at(now + WAIT_SECONDS_MAX)

    def _lose(self, requests: Sequence[LinkRequest], error: Exception) -> None:
        """Answer requests whose clicks cannot be kept."""
        if not self._is_losing:
            self._is_losing = True
            _log.error("clicks_lost", exc_info=error)
        for request in requests:
            if not request.answered:
                self._answer_unkept(request)
        self._count_lost(requests)

    def _count_lost(self, requests: Iterable[LinkRequest]) -> None:
        """Count the clicks of those that were led on without being kept."""
        self._metrics.clicks_lost.inc(sum(request.is_late for request in requests))

    def _answer_unkept(self, request: LinkRequest) -> None:
        """Answer from what is known of a link, now or by its last click."""
        found = self._known_link(request)
        if found is None:
            self._answer(request, judging.UNAVAILABLE)
        elif isinstance(found, NoLink):
            self._answer(request, _answer_without(request))
        else:
            request.is_late = True
            visitor = self._visitors.describe(request.address, request.at)
            self._answer(request, self._judge.judge(request, found, visitor.kind).answer)

    def _known_link(self, request: LinkRequest) -> Link | NoLink | None:
        """Return what is known of a link, now or by its last click; None where nothing is."""
        if request.found is not None:
            return request.found
        known = self._known.get(request.text)
        return known if known is not None and known.is_on(request.domain) else None

    def _remember(self, text: str, link: Link) -> None:
        self._known[text] = link
        self._known.move_to_end(text)
        if len(self._known) > _LINKS_KEPT:
            self._known.popitem(last=False)

    def _answer(self, request: LinkRequest, answer: LinkAnswer) -> None:
        request.answered = True
        self._metrics.link_answers.labels(str(answer.status)).inc()
        request.resolve(answer)


def _answer_without(request: LinkRequest) -> LinkAnswer:
    """Return the answer to a request for a link that there is none of."""
    if request.found is NoLink.GONE:
        return judging.fallback(request.domain)
    return judging.NOT_FOUND
