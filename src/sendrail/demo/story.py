"""The shop of a demonstration: its lists, audiences, offers, texts, campaigns and journeys.

Everything is made by the services that the API calls, so it passes the same rules. The brand is
invented, hosts end in `.example` (RFC 2606), and numbers are kept for fiction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from sendrail.app import Runtime
from sendrail.campaigns.reading import CreativeInput, LinkInput
from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
from sendrail.connectors.service import ConnectorCapacity
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.ids import ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.schedule import FrequencyCap
from sendrail.domain.webhook import Event
from sendrail.sandbox import SANDBOX_CONNECTOR
from sendrail.tracking.offers import OfferChange

ACTOR: Final = Actor(name="demo")
# Of a new account.
ZONE: Final = "America/New_York"
# In the fictional 555 area code, as the sandbox's own.
NEWS: Final = PhoneNumber(15550002001)
ORDERS: Final = PhoneNumber(15550002002)
CLUB: Final = PhoneNumber(15550002003)
BROKEN_HOST: Final = "reporting.acme-shop.example"
# Messages a minute: slow enough that a campaign takes some minutes, as with a real contract.
RATE: Final = 1_800
_UNITS: Final = 10_000

_OFFERS: Final = {
    "Winter boots": ("boots", 9),
    "Two-person tents": ("tents", 14),
    "Rain jackets": ("jackets", 11),
    "Camp lamps": ("lamps", 4),
}
_AUDIENCES: Final[Mapping[str, tuple[str, PhoneNumber, dict[str, Any]]]] = {
    "All customers": (
        "All contacts on the news list",
        NEWS,
        {"condition_type": "custom_field", "field": "custom_fields.tier", "operator": "exists"},
    ),
    "Clicked this month": (
        "Followed a link in the last 30 days",
        NEWS,
        {
            "condition_type": "time",
            "field": "last_clicked_at",
            "operator": "within",
            "value": 30,
            "unit": "days",
        },
    ),
    "Gold and plus": (
        "Members of the two upper tiers",
        NEWS,
        {
            "condition_type": "custom_field",
            "field": "custom_fields.tier",
            "operator": "in",
            "value": ["gold", "plus"],
        },
    ),
    "Five orders or more": (
        "Regular customers",
        NEWS,
        {
            "condition_type": "custom_field",
            "field": "custom_fields.orders",
            "operator": "gte",
            "value": 5,
        },
    ),
}
_CREATIVES: Final = (
    ("Boots, short", "{{first_name|Hello}}, our winter boots are in: {{link1}}", "Winter boots"),
    (
        "Boots, with a reason",
        "Dry feet all winter, {{first_name|friend}}. 20 % off boots until Sunday: {{link1}}",
        "Winter boots",
    ),
    ("Tents", "A tent for two that dries in an hour: {{link1}}", "Two-person tents"),
    ("Lamps 🔦", "Long nights ahead 🔦 Lamps from $24: {{link1}}", "Camp lamps"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What the month needs to know of what was made."""

    connector: ConnectorId
    offers: Mapping[str, str]
    audiences: Mapping[str, str]
    welcome: int
    win_back: int


async def set_up(it: Runtime) -> Shop:
    """Make everything but the campaigns, which want an audience with members."""
    account = it.default_account
    await it.connectors.add(
        account, "simulator", "sandbox-2", {}, ConnectorCapacity(window=100, mps=20)
    )
    for number, name, brand in (
        (NEWS, "News", "Acme Outdoors"),
        (ORDERS, "Orders", "Acme Outdoors"),
        (CLUB, "Club", "Acme Club"),
    ):
        made = await it.lists.add(
            account,
            number,
            name=name,
            brand=brand,
            rate=RATE,
            connector=SANDBOX_CONNECTOR,
            second_connector="sandbox-2" if number == NEWS else "",
        )
    assert made.connector is not None, "it was named"
    offers = await _offers(it)
    audiences = await _audiences(it)
    for name, message, offer in _CREATIVES:
        link = LinkInput(key="link1", offer_id=offers[offer])
        given = CreativeInput(name=name, message=message, offer_links=[link])
        await it.creatives.add(account, given, ACTOR)
    await _webhooks(it)
    welcome, win_back = await _journeys(it, offers)
    return Shop(
        connector=made.connector.id,
        offers=offers,
        audiences=audiences,
        welcome=welcome,
        win_back=win_back,
    )


async def _offers(it: Runtime) -> dict[str, str]:
    made = {}
    for name, (path, payout) in _OFFERS.items():
        given = OfferChange(
            name=name,
            tracking_url=f"https://shop.acme.example/{path}",
            payout=payout * _UNITS,
            click_window_days=30,
        )
        made[name] = (await it.tracking.offers.add(it.default_account, given, ACTOR)).ref
    return made


async def _audiences(it: Runtime) -> dict[str, str]:
    made = {}
    for name, (description, number, condition) in _AUDIENCES.items():
        source = await it.lists.find(it.default_account, number)
        given = AudienceChange(
            name=name,
            description=description,
            source_lists=[source.sender.id],
            filter=read_filter({"operator": "AND", "conditions": [condition]}),
        )
        made[name] = (await it.audiences.add(it.default_account, given, ACTOR)).ref
    return made


async def add_campaigns(it: Runtime, shop: Shop, first: date, last: date, paused_on: date) -> str:
    """Add the campaigns, which run from the first to the last day of a month.

    Return the id of the one that is to be started by hand and paused.
    """
    add = partial(_campaign, it, shop)
    days = (last - first).days
    await add(
        "Boots are in", "Winter boots",
        "{{first_name|Hello}}, our winter boots are in: {{link1}}",
        "Dry feet all winter, {{first_name|friend}}. 20 % off boots until Sunday: {{link1}}",
        **_once(shop, first + timedelta(days=max(1, days // 6)), "11:00", "All customers"),
    )  # fmt: skip
    await add(
        "Members' evening", "Rain jackets",
        "{{first_name|Hello}}, come by on Thursday from 6 pm: tea, and first choice: {{link1}}",
        holdout_percent=10, use_local_time=True,
        **_once(shop, first + timedelta(days=max(1, days // 2)), "12:30", "Gold and plus"),
    )  # fmt: skip
    await add(
        "Friday note", "Camp lamps",
        "Three things for your weekend outside: {{link1}}",
        "{{first_name|Hello}}, sunny on Saturday? Lamps for the evening after: {{link1}}",
        is_repeating=True, send_time="10:00", start_date=first.isoformat(),
        end_date=(last + timedelta(days=60)).isoformat(),
        days_of_week={"friday": True}, use_local_time=True,
        frequency_cap=FrequencyCap(2, 7),
        audiences=[shop.audiences["All customers"]],
    )  # fmt: skip
    await add(
        "Holiday preview", "Two-person tents",
        "{{first_name|Hello}}, you see it first: {{link1}}",
        "For the regulars, two days before all others: {{link1}}",
        **_once(shop, last + timedelta(days=3), "11:00", "Five orders or more"),
    )  # fmt: skip
    await add(
        "Spring cleaning", "Rain jackets",
        "Old jacket? Bring it, get 15 % off a new one: {{link1}}",
        status="draft", **_once(shop, last + timedelta(days=40), "11:00", "All customers"),
    )  # fmt: skip
    return await add(
        "Tents, last pieces", "Two-person tents",
        "The last 40 tents go tonight, {{first_name|friend}}: {{link1}}",
        "Half off, and then they are gone: {{link1}}",
        **_once(shop, max(paused_on, last) + timedelta(days=1), "11:00", "All customers"),
    )  # fmt: skip


def _once(shop: Shop, day: date, hour: str, audience: str) -> dict[str, Any]:
    return {
        "is_repeating": False, "send_time": hour, "send_date": day.isoformat(),
        "audiences": [shop.audiences[audience]],
    }  # fmt: skip


async def _campaign(
    it: Runtime, shop: Shop, name: str, offer: str, *texts: str, status: str = "on", **more: Any
) -> str:
    """Add one campaign; return its id."""
    link = LinkInput(key="link1", offer_id=shop.offers[offer])
    blasts = [
        BlastInput(
            message=text,
            offer_links=[link],
            percent_audience=100 // len(texts),
            variant_name=f"{name} {letter}",
        )
        for letter, text in zip("ABC", texts, strict=False)
    ]
    given = ScheduleInput(name=name, send_type="blast", status=status, blasts=blasts, **more)
    return (await it.schedules.add(it.default_account, given, ACTOR)).schedule.ref


async def _webhooks(it: Runtime) -> None:
    account = it.default_account
    for host, name, events, number in (
        ("crm.acme-shop.example", "CRM", {Event.UNSUBSCRIBE, Event.REPLY}, None),
        ("orders.acme-shop.example", "Order system", {Event.DELIVERY}, ORDERS),
        (BROKEN_HOST, "Old reporting", {Event.CONVERSION}, None),
    ):
        url = f"https://{host}/sms"
        await it.webhooks.add(account, url, name=name, events=events, list_number=number)


async def _journeys(it: Runtime, offers: Mapping[str, str]) -> tuple[int, int]:
    account, ids = it.default_account, []
    for document, status in (
        (_welcome(offers["Winter boots"]), "active"),
        (_win_back(offers["Rain jackets"]), "active"),
        (_BIRTHDAY, None),
    ):
        made = await it.journey_documents.add(account, NEWS, document, ACTOR)
        which = made.journey.id
        if status:
            await it.journey_documents.change(account, which, {}, ACTOR, status=status)
        ids.append(which)
    return ids[0], ids[1]


def _welcome(offer: str) -> dict[str, Any]:
    return {
        "name": "Welcome series",
        "trigger": {"on": ["signup"]},
        "goal": {"type": "event", "event": "conversion"},
        "holds_other_sends": False,
        "timezone": ZONE,
        "steps": [
            {
                "id": "hello",
                "kind": "send",
                "body": "Welcome, {{first_name|friend}}! 10 % off your first order: {{link1}}",
                "offer_links": [{"key": "link1", "offer_id": offer}],
            },
            {"id": "two_days", "kind": "wait", "value": 2, "unit": "days"},
            {"id": "morning", "kind": "wait_until", "time": "09:30"},
            {
                "id": "clicked",
                "kind": "condition",
                "if": {"type": "event", "event": "click"},
                "yes": "mark",
                "no": "nudge",
            },
            {
                "id": "nudge",
                "kind": "send",
                "body": "What do you like to do outside, {{first_name|friend}}? Just reply.",
            },
            {
                "id": "answer",
                "kind": "wait_event",
                "if": {"type": "event", "event": "reply", "since": "last_send"},
                "timeout": {"value": 5, "unit": "days"},
                "yes": "mark",
                "no": "bye",
            },
            {"id": "mark", "kind": "set_field", "field": "engaged", "value": True},
            {"id": "bye", "kind": "exit", "reason": "end of the series"},
        ],
    }


def _win_back(offer: str) -> dict[str, Any]:
    link = [{"key": "link1", "offer_id": offer}]
    return {
        "name": "Win-back",
        "trigger": {"on": ["api"]},
        "goal": {"type": "event", "event": "conversion"},
        "holds_other_sends": False,
        "timezone": ZONE,
        "steps": [
            {
                "id": "group",
                "kind": "split",
                "sticky": True,
                "branches": [
                    {"percent": 20, "next": "holdout"},
                    {"percent": 40, "next": "plain"},
                    {"percent": 40, "next": "offer"},
                ],
            },
            {
                "id": "plain",
                "kind": "send",
                "body": "We miss you, {{first_name|friend}}! See what is new: {{link1}}",
                "offer_links": link,
                "next": "week",
            },
            {
                "id": "offer",
                "kind": "send",
                "body": "We miss you, {{first_name|friend}}! A third off this week: {{link1}}",
                "offer_links": link,
            },
            {"id": "week", "kind": "wait", "value": 7, "unit": "days"},
            {
                "id": "reacted",
                "kind": "condition",
                "if": {"type": "event", "event": "click"},
                "yes": "back",
                "no": "gone",
            },
            {"id": "back", "kind": "exit", "reason": "came back"},
            {"id": "gone", "kind": "exit", "reason": "no reaction"},
            {"id": "holdout", "kind": "wait", "value": 14, "unit": "days"},
            {"id": "counted", "kind": "exit", "reason": "holdout"},
        ],
    }


_BIRTHDAY: Final[dict[str, Any]] = {
    "name": "Birthday",
    "trigger": {"on": ["api"]},
    "steps": [
        {
            "id": "wish",
            "kind": "send",
            "body": "Happy birthday, {{first_name|friend}}! A gift waits at {{store|our shop}}.",
        },
        {"id": "day", "kind": "wait", "value": 1, "unit": "days"},
    ],
}
