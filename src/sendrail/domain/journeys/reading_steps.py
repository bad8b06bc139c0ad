"""Steps of a document, read with every fault in them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sendrail.domain.creative import MESSAGE_LENGTH_MAX, PARAMS_HELP, OfferLink, read_params
from sendrail.domain.destinations import ANYWHERE, read_macro_url
from sendrail.domain.ids import ROW_ID_MAX
from sendrail.domain.journeys.conditions import wakes
from sendrail.domain.journeys.document import (
    BRANCHES_MAX,
    MINUTE_MS,
    PARTS,
    Branch,
    ConditionStep,
    EnterJourneyStep,
    ExitStep,
    SendStep,
    SetFieldStep,
    SplitStep,
    Step,
    StepKind,
    UnsubscribeStep,
    WaitEventStep,
    WaitStep,
    WaitUntilStep,
    WebhookStep,
)
from sendrail.domain.journeys.faults import MISSING, FaultLog, joined
from sendrail.domain.journeys.reading_conditions import ConditionReader
from sendrail.domain.local_time import zone_names
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import LINK_KEYS, Template, read_template
from sendrail.domain.times import DAY_MS

STEP_ID_LENGTH_MAX: Final = 64
REASON_LENGTH_MAX: Final = 255
UNITS: Final = {"minutes": MINUTE_MS, "hours": 60 * MINUTE_MS, "days": DAY_MS}
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NO_TEXT: Final = Fault("invalid_url", "must be a text")
_PERCENT: Final = PARTS // 100
Given = Mapping[str, Any]


class StepReader:
    """Reads the steps of one document; `ids` are those of all its steps."""

    def __init__(
        self, log: FaultLog, conditions: ConditionReader, ids: frozenset[str], longest_ms: int
    ) -> None:
        self._log = log
        self._conditions = conditions
        self._ids = ids
        self._longest_ms = longest_ms

    def read(self, given: Given, own_id: str, following: str, path: str) -> Step | None:
        """Return a step, or None where it has a fault; `following` is the id of the one behind."""
        kind = given.get("kind")
        if not isinstance(kind, str) or kind not in set(StepKind):
            self._log.fault(
                "unknown_step_kind", f"must be {', '.join(StepKind)}", joined(path, "kind")
            )
            return None
        before = len(self._log.faults)
        reader, keys = _READERS[StepKind(kind)]
        self._log.expect_keys(given, ("id", "kind", *keys), path)
        found = reader(self, given, own_id, following, path)
        return found if len(self._log.faults) == before else None

    # One kind of step each.

    def read_send(self, given: Given, own_id: str, following: str, path: str) -> SendStep:
        body, creative = given.get("body"), given.get("creative_id")
        template, links = None, self._links(given, path)
        creative_id = None
        if creative is not None:
            at = joined(path, "creative_id")
            creative_id = self._log.number(creative, at, 1, ROW_ID_MAX)
            if body is not None:
                self._log.fault("invalid_value", "is given beside a `body`: leave one out", at)
            if creative_id is not None:
                self._log.refer("creative", creative_id, at)
        elif not isinstance(body, str) or not body.strip():
            self._log.fault(
                "missing_body", "is missing: a text, or a `creative_id`", joined(path, "body")
            )
        else:
            template = self._template(body, links, path)
        on_missing = given.get("on_missing", "skip")
        if on_missing not in ("skip", "exit"):
            self._log.fault("invalid_value", "must be skip or exit", joined(path, "on_missing"))
        return SendStep(
            id=own_id,
            next=self._next(given, "next", following, path),
            template=template,
            creative_id=creative_id,
            offer_links=links,
            exits_on_missing=on_missing == "exit",
            ignores_quiet_hours=self._log.flag(given, "ignore_quiet_hours", path, default=False),
        )

    def _template(self, body: str, links: Sequence[OfferLink], path: str) -> Template | None:
        at = joined(path, "body")
        if len(body) > MESSAGE_LENGTH_MAX or "\0" in body:
            self._log.fault(
                "message_too_long", f"may have at most {MESSAGE_LENGTH_MAX:,} characters", at
            )
            return None
        template = read_template(body, at)
        if isinstance(template, Fault):
            self._log.faults.append(template)
            return None
        known = {link.key for link in links}
        if lost := [key for key in template.link_keys if key not in known]:
            self._log.fault(
                "missing_offer_links_for_placeholders",
                f"says nothing of {', '.join(lost)}",
                joined(path, "offer_links"),
            )
        return template

    def _links(self, given: Given, path: str) -> tuple[OfferLink, ...]:
        value, at = given.get("offer_links"), joined(path, "offer_links")
        if value is None:
            return ()
        if not isinstance(value, list):
            self._log.fault("invalid_value", "must be an array", at)
            return ()
        if len(value) > BRANCHES_MAX:
            self._log.fault("too_many_branches", f"may have at most {BRANCHES_MAX} links", at)
            return ()
        links = [self._link(each, f"{at}[{index}]") for index, each in enumerate(value)]
        found = tuple(link for link in links if link is not None)
        if len({link.key for link in found}) < len(found):
            self._log.fault("invalid_value", "must give each link a key of its own", at)
        return found

    def _link(self, value: object, path: str) -> OfferLink | None:
        if not isinstance(value, Mapping):
            self._log.fault(
                "invalid_value", 'must be a link: {"key": "link1", "offer_id": …}', path
            )
            return None
        self._log.expect_keys(value, ("key", "offer_id", "url", "url_params"), path)
        key, url, params = value.get("key"), value.get("url"), value.get("url_params") or {}
        if key not in LINK_KEYS:
            self._log.fault(
                "invalid_value", f"must be {' or '.join(LINK_KEYS)}", joined(path, "key")
            )
        offer = self._conditions.detail("offer_id", value.get("offer_id"), joined(path, "offer_id"))
        if url is not None:
            # Which hosts are our own is asked when the link is followed: documents stay readable.
            read = read_macro_url(url, ANYWHERE) if isinstance(url, str) else _NO_TEXT
            url = read if isinstance(read, str) else None
            if isinstance(read, Fault):
                problem = read.text.removeprefix("A link ")
                self._log.fault("invalid_url", problem, joined(path, "url"))
        read_as = read_params(params)
        if read_as is None:
            self._log.fault("invalid_value", PARAMS_HELP, joined(path, "url_params"))
        return OfferLink(key=str(key), offer_ref=offer, url=url or None, url_params=read_as or {})

    def read_wait(self, given: Given, own_id: str, following: str, path: str) -> WaitStep:
        return WaitStep(
            id=own_id,
            next=self._next(given, "next", following, path),
            milliseconds=self._duration(given, path, "invalid_duration"),
        )

    def read_wait_until(
        self, given: Given, own_id: str, following: str, path: str
    ) -> WaitUntilStep:
        return WaitUntilStep(
            id=own_id,
            next=self._next(given, "next", following, path),
            minute=self.minute(given.get("time"), joined(path, "time"), "invalid_time"),
            days=self._days(given, path),
            timezone=self.timezone(given, path, ("contact",)),
        )

    def read_wait_event(
        self, given: Given, own_id: str, following: str, path: str
    ) -> WaitEventStep:
        question = self._question(given, path)
        if question is not None and not wakes(question):
            self._log.advise(
                "nothing_wakes",
                "asks for lists or audiences only, whose changes wake no contact: it is asked "
                "again at the time-out",
                joined(path, "if"),
            )
        timeout, at, timeout_ms = given.get("timeout"), joined(path, "timeout"), MINUTE_MS
        if not isinstance(timeout, Mapping):
            self._log.fault("missing_timeout", 'is missing: {"value": 2, "unit": "days"}', at)
        else:
            self._log.expect_keys(timeout, ("value", "unit"), at)
            timeout_ms = self._duration(timeout, at, "timeout_too_long")
        return WaitEventStep(
            id=own_id,
            question=question,
            timeout_ms=timeout_ms,
            yes=self._next(given, "yes", following, path),
            no=self._next(given, "no", following, path),
            wakes=0 if question is None else wakes(question),
        )

    def read_condition(self, given: Given, own_id: str, following: str, path: str) -> ConditionStep:
        return ConditionStep(
            id=own_id,
            question=self._question(given, path),
            yes=self._next(given, "yes", following, path),
            no=self._next(given, "no", following, path),
        )

    def read_split(self, given: Given, own_id: str, following: str, path: str) -> SplitStep:
        value, at = given.get("branches"), joined(path, "branches")
        branches: list[Branch] = []
        if not isinstance(value, list) or not value:
            self._log.fault(
                "invalid_split_percent", 'must be an array: [{"percent": 50, "next": …}]', at
            )
            value = []
        elif len(value) > BRANCHES_MAX:
            self._log.fault("too_many_branches", f"may have at most {BRANCHES_MAX} branches", at)
            value = []
        below, before = 0, len(self._log.faults)
        for index, each in enumerate(value):
            below += self._percent(each, f"{at}[{index}]")
            to = self._next(each, "next", following, f"{at}[{index}]")
            branches.append(Branch(below, to))
        if value and below != PARTS and len(self._log.faults) == before:
            self._log.fault(
                "invalid_split_percent", f"comes to {below / _PERCENT:g} percent, not to 100", at
            )
        sticky = self._log.flag(given, "sticky", path, default=False)
        return SplitStep(id=own_id, branches=tuple(branches), sticky=sticky)

    def _percent(self, given: object, path: str) -> int:
        if isinstance(given, Mapping):
            self._log.expect_keys(given, ("percent", "next"), path)
            percent = given.get("percent")
            if isinstance(percent, int | float) and not isinstance(percent, bool):
                parts = percent * _PERCENT
                if 0 <= parts <= PARTS and abs(parts - round(parts)) < 1e-6:  # noqa: PLR2004
                    return round(parts)
        self._log.fault(
            "invalid_split_percent",
            "must be a number from 0 to 100 with at most two decimals",
            joined(path, "percent"),
        )
        return 0

    def read_set_field(self, given: Given, own_id: str, following: str, path: str) -> SetFieldStep:
        value = given.get("value", MISSING)
        return SetFieldStep(
            id=own_id,
            next=self._next(given, "next", following, path),
            field=self._conditions.field_name(given.get("field"), joined(path, "field")),
            value=None if value is None else self._conditions.scalar(value, joined(path, "value")),
        )

    def read_unsubscribe(
        self, given: Given, own_id: str, _following: str, path: str
    ) -> UnsubscribeStep:
        return UnsubscribeStep(id=own_id, reason=self._reason(given, path))

    def read_webhook(self, given: Given, own_id: str, following: str, path: str) -> WebhookStep:
        return WebhookStep(
            id=own_id,
            next=self._next(given, "next", following, path),
            endpoint_id=self._reference(given, "endpoint", path),
        )

    def read_enter(self, given: Given, own_id: str, following: str, path: str) -> EnterJourneyStep:
        return EnterJourneyStep(
            id=own_id,
            next=self._next(given, "next", following, path),
            journey_id=self._reference(given, "journey", path),
        )

    def read_exit(self, given: Given, own_id: str, _following: str, path: str) -> ExitStep:
        return ExitStep(id=own_id, reason=self._reason(given, path))

    # Parts of several kinds.

    def _next(self, given: object, name: str, following: str, path: str) -> str:
        """Return the id of the step that comes next; without one it is the following step."""
        value = given.get(name, MISSING) if isinstance(given, Mapping) else None
        if value is MISSING:
            return following
        if value is None:
            return ""
        if isinstance(value, str) and value in self._ids:
            return value
        self._log.fault("unknown_step", "must be the id of a step, or null", joined(path, name))
        return ""

    def _question(self, given: Given, path: str) -> Any:
        # None only where there is a fault, and then the step is not returned.
        return self._conditions.question(given.get("if"), joined(path, "if"))

    def _duration(self, given: Given, path: str, too_long: str) -> int:
        value, unit = given.get("value"), given.get("unit")
        is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if not is_number:
            self._log.fault(
                "invalid_duration", "must be a whole number from 1", joined(path, "value")
            )
        if not isinstance(unit, str) or unit not in UNITS:
            self._log.fault(
                "invalid_duration", f"must be {' or '.join(UNITS)}", joined(path, "unit")
            )
            return MINUTE_MS
        if not is_number:
            return MINUTE_MS
        found = int(value or 1) * UNITS[unit]
        if found > self._longest_ms:
            days = self._longest_ms // DAY_MS
            text = f"is longer than the {days} days that an enrolment lasts"
            self._log.fault(too_long, text, joined(path, "value"))
            return MINUTE_MS
        return found

    def minute(self, value: object, path: str, code: str) -> int:
        """Return a time of the day, such as 09:30, in minutes."""
        if isinstance(value, str) and len(value) == 5 and value[2] == ":":  # noqa: PLR2004
            hours, minutes = value[:2], value[3:]
            if (hours + minutes).isascii() and (hours + minutes).isdigit():
                found = int(hours) * 60 + int(minutes)
                if int(minutes) < 60 and found < 24 * 60:  # noqa: PLR2004
                    return found
        self._log.fault(code, "must be a time from 00:00 to 23:59", path)
        return 0

    def _days(self, given: Given, path: str) -> frozenset[int]:
        value = given.get("days")
        if value is None:
            return frozenset(range(len(WEEKDAYS)))
        if isinstance(value, list) and value and all(each in WEEKDAYS for each in value):
            return frozenset(WEEKDAYS.index(each) for each in value)
        self._log.fault(
            "invalid_value", f"must be an array of {', '.join(WEEKDAYS)}", joined(path, "days")
        )
        return frozenset()

    def timezone(self, given: Given, path: str, others: Sequence[str] = ()) -> str | None:
        """Return the name of a zone; None where there is none, or one of the other words."""
        value = given.get("timezone")
        if value is None or value in others:
            return None
        if isinstance(value, str) and value in zone_names():
            return value
        self._log.fault(
            "invalid_timezone",
            " or ".join(("must be the name of a time zone, such as America/New_York", *others)),
            joined(path, "timezone"),
        )
        return None

    def _reason(self, given: Given, path: str) -> str:
        value = given.get("reason")
        return "" if value is None else self._log.text(
            value, joined(path, "reason"), REASON_LENGTH_MAX
        )  # fmt: skip

    def _reference(self, given: Given, kind: str, path: str) -> int:
        at = joined(path, f"{kind}_id")
        found = self._log.number(given.get(f"{kind}_id"), at, 1, ROW_ID_MAX)
        if found is None:
            return 0
        self._log.refer(kind, found, at)
        return found


_Reader = Callable[[StepReader, Given, str, str, str], Step]
_READERS: Final[Mapping[StepKind, tuple[_Reader, tuple[str, ...]]]] = {
    StepKind.SEND: (
        StepReader.read_send,
        ("body", "creative_id", "offer_links", "on_missing", "ignore_quiet_hours", "next"),
    ),
    StepKind.WAIT: (StepReader.read_wait, ("value", "unit", "next")),
    StepKind.WAIT_UNTIL: (StepReader.read_wait_until, ("time", "days", "timezone", "next")),
    StepKind.WAIT_EVENT: (StepReader.read_wait_event, ("if", "timeout", "yes", "no")),
    StepKind.CONDITION: (StepReader.read_condition, ("if", "yes", "no")),
    StepKind.SPLIT: (StepReader.read_split, ("branches", "sticky")),
    StepKind.SET_FIELD: (StepReader.read_set_field, ("field", "value", "next")),
    StepKind.UNSUBSCRIBE: (StepReader.read_unsubscribe, ("reason",)),
    StepKind.WEBHOOK: (StepReader.read_webhook, ("endpoint_id", "next")),
    StepKind.ENTER_JOURNEY: (StepReader.read_enter, ("journey_id", "next")),
    StepKind.EXIT: (StepReader.read_exit, ("reason",)),
}
