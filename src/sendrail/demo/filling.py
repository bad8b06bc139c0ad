"""Fill a fresh sandbox with a month: who writes what when, and what is left at its end."""

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from sendrail.app import Runtime, Surroundings, open_runtime
from sendrail.clock import SystemClock
from sendrail.contacts.contacts import SignUpRequest
from sendrail.demo.clock import DemoClock
from sendrail.demo.handsets import DemoKind, Handsets
from sendrail.demo.month import MINUTE, SECOND, DemoPoster, Month
from sendrail.demo.people import Person, people
from sendrail.demo.story import ACTOR, CLUB, NEWS, ORDERS, RATE, ZONE, Shop, add_campaigns, set_up
from sendrail.demo.visiting import ShopVisits
from sendrail.domain.contact import SignUp, SignupMethod
from sendrail.domain.errors import Conflict, SendrailError, SetupError
from sendrail.domain.phone import PhoneNumber
from sendrail.settings import Settings
from sendrail.storage.pipeline.lookup import MessageFilter
from sendrail.telemetry import set_up_logs
from sendrail.workers import make_workers

HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# How busy a shop is, hour by hour from midnight.
_HOURS: Final = (1, 0, 0, 0, 0, 1, 2, 5, 9, 12, 14, 13, 12, 12, 11, 11, 12, 14, 16, 15, 11, 7, 4, 2)
_WEEKDAYS: Final = (1.0, 0.95, 0.95, 1.0, 1.2, 1.35, 0.8)
# Between these hours of the shop it is no quiet hour anywhere in its country.
_OPENS: Final = 11
_CLOSES: Final = 20
_LAST_HOUR: Final = 90
_STORE: Final = "Riverside"
# How far the paused campaign has come.
_PAUSED_SHARE: Final = 0.4
_BATCH: Final = 250
_KEY_NAME: Final = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """How much a demonstration has: `orders` and `signups` are for each day."""

    days: int = 30
    contacts: int = 2_400
    orders: int = 22
    signups: int = 9
    seed: int = 1


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was made, and the API key that was made for it."""

    contacts: int
    messages: int
    api_key: str


def fill(settings: Settings, plan: DemoPlan) -> DemoResult:
    """Play a month that ends now in a fresh installation, and make that where there is none.

    Raises `SetupError` on a database that is shared, or while a server runs, and `Conflict` where
    the account has lists, messages or contacts of its own.
    """
    # What happens in the month is no news to its player.
    set_up_logs(settings.log_format, "critical")
    if settings.database_url:
        raise SetupError(
            "The demonstration needs a data folder of its own, not a shared database: unset "
            "SENDRAIL_DATABASE_URL."
        )
    return asyncio.run(_fill(settings, plan, SystemClock().now()))


async def _fill(settings: Settings, plan: DemoPlan, now: int) -> DemoResult:
    dice = random.Random(plan.seed)  # noqa: S311 - it invents people, it keeps no secret
    clock = DemoClock(now - plan.days * DAY)
    crowd = people(plan.contacts, dice)
    handsets = Handsets(clock, dice, {each.number: each for each in crowd})
    poster = DemoPoster(clock, dice, now - 3 * DAY)
    kind = DemoKind(handsets)
    around = Surroundings(clock=clock, is_played=True, kind_of=lambda _: kind, poster=poster)
    async with open_runtime(settings, serving=True, surroundings=around) as it:
        await _expect_fresh(it)
        shop = await set_up(it)
        workers = await make_workers(it)
        assert workers.hosts is not None, "it has every role"
        await workers.hosts.refresh()
        await workers.supervisor.open_all()
        month = Month(it, workers, clock, handsets, poster, shop.connector)
        visits = ShopVisits(it, month, clock, dice, shop)
        handsets.on_link = visits.follow
        handsets.on_question = visits.answer
        story = _Story(it, month, shop, crowd, plan, dice)
        await story.note(clock.now(), now)
        await month.play(now)
        await story.leave_some()
        key = await it.accounts.create_key(it.default_account, _KEY_NAME)
        await workers.supervisor.close()
        return DemoResult(plan.contacts, handsets.taken, key.key)


async def _expect_fresh(it: Runtime) -> None:
    account = it.default_account
    lists = await it.lists.all(account)
    contacts = await it.contacts.page(account)
    messages = await it.messages.page(account, MessageFilter(), 1, 1)
    if len(lists) > 1 or contacts.contacts or messages.messages:
        raise Conflict(
            "The account has lists, contacts or messages of its own. The demonstration fills a "
            "fresh installation: choose another folder with --data.",
            code="not_fresh",
        )


class _Story:
    """Who does what when."""

    def __init__(  # noqa: PLR0917 - what it is about
        self,
        it: Runtime,
        month: Month,
        shop: Shop,
        crowd: list[Person],
        plan: DemoPlan,
        dice: random.Random,
    ) -> None:
        self._it, self._month, self._shop, self._crowd = it, month, shop, crowd
        self._plan, self._dice = plan, dice
        self._order_number = 48_200
        self._paused = ""

    async def note(self, start: int, end: int) -> None:
        """Let those who were there before join, and note the rest for its time."""
        new = min(self._plan.signups * self._plan.days, len(self._crowd) // 2)
        early, late = self._crowd[new:], self._crowd[:new]
        await self._join_early(early, start)
        pause_at = _open_hour(end - 100 * MINUTE)
        self._paused = await add_campaigns(
            self._it, self._shop, _day(start), _day(end), _day(pause_at)
        )
        for at, person in zip(self._moments(start, end, self._plan.signups), late, strict=False):
            self._month.at(at, partial(self._join, person))
        for at in self._moments(start, end, self._plan.orders):
            self._note_order(at, self._dice.choice(early))
        # Whenever it is tried, the last hour has something to show.
        for _ in range(_LAST_HOUR):
            self._note_order(end - self._dice.uniform(1, 59) * MINUTE, self._dice.choice(early))
        self._note_win_back(early, start, end)
        self._month.at(pause_at, partial(self._begin_and_pause, pause_at))

    async def leave_some(self) -> None:
        """Leave a few messages in the queue, for a server to deliver."""
        for person in self._dice.sample(self._crowd, 4):
            body = f"Acme Outdoors: {person.first_name}, your size is back at {_STORE}."
            await self._month.send(person.number, NEWS, body)

    async def _join_early(self, crowd: list[Person], start: int) -> None:
        for begin in range(0, len(crowd), _BATCH):
            requests = []
            for person in crowd[begin : begin + _BATCH]:
                at = start - int(self._dice.expovariate(1 / 90) * DAY) - DAY
                requests.append(SignUpRequest(NEWS, _sign_up(person, SignupMethod.CSV, at)))
                if person.fields["tier"] == "gold":
                    requests.append(SignUpRequest(CLUB, _sign_up(person, SignupMethod.CSV, at)))
            await self._it.contacts.sign_up(self._it.default_account, requests)

    async def _join(self, person: Person) -> None:
        joining = replace(_sign_up(person, SignupMethod.API, None), use_journeys=True)
        await self._it.contacts.sign_up_one(self._it.default_account, SignUpRequest(NEWS, joining))

    def _note_order(self, at: float, person: Person) -> None:
        self._month.at(at, partial(self._send_order, person, "is confirmed"))
        later = at + self._dice.uniform(20, 30) * HOUR
        self._month.at(later, partial(self._send_order, person, "is on its way"))

    async def _send_order(self, person: Person, what: str) -> None:
        self._order_number += 1
        body = f"Acme Outdoors: {person.first_name}, your order {self._order_number} {what}."
        metadata = json.dumps({"order": self._order_number}).encode()
        await self._month.send(person.number, ORDERS, body, metadata=metadata)

    def _note_win_back(self, crowd: list[Person], start: int, end: int) -> None:
        absent = [each for each in crowd if each.fields["orders"] == 0]
        for day in range(self._plan.days):
            at = start + day * DAY + 15 * HOUR
            for person in absent[day * 5 : day * 5 + 5]:
                if at < end:
                    self._month.at(at, partial(self._win_back, person.number))

    async def _win_back(self, number: PhoneNumber) -> None:
        try:
            await self._it.journeys.enrol_by_id(
                self._it.default_account, self._shop.win_back, number
            )
        except SendrailError:
            # Some have opted out meanwhile.
            return

    async def _begin_and_pause(self, at: int) -> None:
        begun = await self._it.runs.start(self._it.default_account, self._paused, ACTOR)
        self._month.look_soon()
        seconds = self._plan.contacts * _PAUSED_SHARE / (RATE / 60)
        self._month.at(at + seconds * SECOND, partial(self._pause, begun.run.id))

    async def _pause(self, run_id: int) -> None:
        await self._it.runs.pause(
            self._it.default_account, run_id, ACTOR, "The shop's server is slow."
        )

    def _moments(self, start: int, end: int, a_day: int) -> Iterator[int]:
        """Yield times spread over days and hours as a business has them, in no order."""
        dice = self._dice
        for day in range(self._plan.days + 1):
            midnight = _midnight(start + day * DAY)
            busy = a_day * _WEEKDAYS[_day(midnight).weekday()]
            for _ in range(round(busy * dice.uniform(0.8, 1.2))):
                hour = dice.choices(range(24), _HOURS)[0]
                at = midnight + int((hour + dice.random()) * HOUR)
                if start <= at < end - HOUR:
                    yield at


def _sign_up(person: Person, method: SignupMethod, at: int | None) -> SignUp:
    return SignUp(
        recipient=person.number,
        method=method,
        at=at,
        first_name=person.first_name,
        last_name=person.last_name,
        custom_fields=person.fields,
    )


def _local(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(ZONE))


def _day(ms: int) -> date:
    return _local(ms).date()


def _midnight(ms: int) -> int:
    return int(_local(ms).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def _open_hour(ms: int) -> int:
    """Return a time that is not later, at which a campaign may send in every zone of the shop."""
    local = _local(ms)
    if local.hour < _OPENS:
        local -= timedelta(days=1)
    if not _OPENS <= local.hour < _CLOSES:
        local = local.replace(hour=_CLOSES - 1, minute=20)
    return int(local.timestamp() * 1000)
