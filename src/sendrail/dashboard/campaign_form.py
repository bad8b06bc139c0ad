"""A campaign as a form: its fields, and how they are read, shown and changed.

Fields have the names of the API, and texts and their links the ways to them, `blasts[0].message`,
by which faults and the preflight name them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
from sendrail.dashboard.form_parts import (
    LinkForm,
    add_link,
    amount,
    counted,
    links_of,
    read_links,
    remove_link,
    row_ids,
    whole,
)
from sendrail.domain import money
from sendrail.domain.creative import Creative
from sendrail.domain.digits import read_digits
from sendrail.domain.schedule import BLASTS_MAX, WEEKDAYS, Blast, FrequencyCap, Schedule

_CAP: Final = "frequency_cap"
_TEXT_FIELDS: Final = ("message", "variant_name", "percent_audience", "mms_image_url")
_NEW: Final[Mapping[str, str]] = {
    "send_type": "blast", "is_repeating": "no", "send_time": "10:00", "late_zones": "skip",
    "late_minutes": "60", "overlap": "skip", "outside_hours": "hold", "automated_percent": "100",
}  # fmt: skip


@dataclass(slots=True)
class BlastForm:
    """One text of a campaign as it is edited."""

    path: str
    fields: dict[str, str] = field(default_factory=dict)
    links: list[LinkForm] = field(default_factory=list)

    @property
    def links_path(self) -> str:
        return f"{self.path}.offer_links"

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def move(self, path: str) -> None:
        """Give it another place among the texts."""
        self.path = path
        remove_link(self.links_path, self.links, "")

    def given(self) -> BlastInput:
        """Return it as the service takes it. Raises `InvalidInput` for what is no number."""
        return BlastInput(
            message=self.get("message"),
            offer_links=[each.given() for each in self.links],
            percent_audience=whole(self.get("percent_audience"), f"{self.path}.percent_audience"),
            variant_name=self.get("variant_name"),
            mms_image_url=self.get("mms_image_url"),
        )


@dataclass(slots=True)
class ScheduleForm:
    """A campaign as it is edited; boxes that are ticked stand in `chosen` by their field."""

    fields: dict[str, str]
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    texts: list[BlastForm] = field(default_factory=list)

    @classmethod
    def new(cls) -> "ScheduleForm":
        """Return the form of a campaign that says nothing yet."""
        form = cls(dict(_NEW), {"days": WEEKDAYS})
        form.add_text()
        return form

    @classmethod
    def read(cls, fields: Mapping[str, str], many: Mapping[str, Sequence[str]]) -> "ScheduleForm":
        """Return the form that was sent."""
        texts = [
            BlastForm(
                at,
                {name: fields.get(f"{at}.{name}", "") for name in _TEXT_FIELDS},
                read_links(f"{at}.offer_links", fields),
            )
            for at in counted(fields, "blasts", "message")
        ]
        chosen = {name: many.get(name, ()) for name in ("audiences", "source_lists", "days")}
        return cls(dict(fields), chosen, texts)

    @classmethod
    def of(cls, found: Schedule) -> "ScheduleForm":
        """Return the form of a campaign that is stored."""
        chosen = {
            "audiences": found.audiences,
            "source_lists": [str(each) for each in found.source_lists],
            "days": [WEEKDAYS[each] for each in found.weekdays or range(len(WEEKDAYS))],
        }
        return cls(
            _fields(found), chosen, [_text(at, each) for at, each in enumerate(found.blasts)]
        )

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def has(self, name: str, value: object) -> bool:
        """Return whether a box is ticked."""
        return str(value) in self.chosen.get(name, ())

    def add_text(self, like: Creative | None = None) -> None:
        """Add a text, empty or that of a creative, with what is left of the audience."""
        if len(self.texts) >= BLASTS_MAX:
            return
        taken = sum(read_digits(each.get("percent_audience"), 100) or 0 for each in self.texts)
        path = f"blasts[{len(self.texts)}]"
        made = BlastForm(path, {"percent_audience": str(max(0, 100 - taken))})
        if like is not None:
            made.fields |= {"message": like.message, "variant_name": like.name[:100]}
            made.links = links_of(made.links_path, like.offer_links)
        self.texts.append(made)

    def share_evenly(self) -> None:
        """Give every text the same share, the first ones a per cent more where it is not even."""
        each, more = divmod(100, max(1, len(self.texts)))
        for at, text in enumerate(self.texts):
            text.fields["percent_audience"] = str(each + (at < more))

    def edit(self, deed: str) -> None:
        """Do what a button asks for.

        A deed is `share`, or `link` or `remove` and the way to a part.
        """
        verb, _, path = deed.partition(" ")
        text = next((each for each in self.texts if path.startswith(each.path)), None)
        if verb == "share":
            self.share_evenly()
        elif verb == "link" and text is not None:
            add_link(text.links_path, text.links)
        elif verb == "remove" and text is not None and path == text.path:
            self.texts.remove(text)
            for at, each in enumerate(self.texts):
                each.move(f"blasts[{at}]")
        elif verb == "remove" and text is not None:
            remove_link(text.links_path, text.links, path)

    def given(self, before: Schedule | None = None) -> ScheduleInput:
        """Return it as the service takes it. Raises `InvalidInput` for what is no number."""
        get, is_repeating = self.get, self.get("is_repeating") == "yes"
        is_blast = get("send_type") != "automated"
        revenue = amount(get("ir_revenue"), "ir_revenue")
        if revenue is None and before is not None and before.ir_revenue is not None:
            revenue = 0.0
        return ScheduleInput(
            name=get("name"),
            send_type=get("send_type"),
            is_repeating=is_repeating,
            send_time=get("send_time"),
            audiences=list(self.chosen.get("audiences", ())),
            send_date=None if is_repeating else get("send_date"),
            start_date=get("start_date") if is_repeating else None,
            end_date=get("end_date") if is_repeating else None,
            days_of_week=_days(self.chosen.get("days", ())) if is_repeating else None,
            source_lists=row_ids(self.chosen.get("source_lists", ()), "source_lists"),
            skip_within_hours=whole(get("skip_within_hours"), "skip_within_hours") or 0,
            use_local_time=get("use_local_time") == "yes",
            filter_bots=_truth(get("filter_bots")),
            is_cto=None if is_blast else get("is_cto") == "yes",
            automated_percent=None if is_blast else whole(
                get("automated_percent"), "automated_percent"),
            ir_revenue=revenue,
            blasts=[each.given() for each in self.texts] if is_blast else None,
            frequency_cap=_cap(get(f"{_CAP}.messages"), get(f"{_CAP}.days")),
            late_zones=get("late_zones") or None,
            late_minutes=whole(get("late_minutes"), "late_minutes"),
            overlap=get("overlap") or None,
            outside_hours=get("outside_hours") or None,
            send_until=get("send_until"),
            holdout_percent=whole(get("holdout_percent"), "holdout_percent") or 0,
        )  # fmt: skip


def _fields(found: Schedule) -> dict[str, str]:
    """Return the fields of a stored campaign that are one value each."""
    cap = found.frequency_cap
    dates = {
        name: getattr(found, name).isoformat() if getattr(found, name) else ""
        for name in ("send_date", "start_date", "end_date")
    }
    return {
        **dates,
        "name": found.name,
        "send_type": found.send_type.value,
        "is_repeating": "yes" if found.is_repeating else "no",
        "send_time": f"{found.send_time:%H:%M}",
        "send_until": f"{found.send_until:%H:%M}" if found.send_until else "",
        "use_local_time": "yes" if found.use_local_time else "no",
        "filter_bots": {None: "", True: "yes", False: "no"}[found.filter_bots],
        "is_cto": "yes" if found.is_cto else "",
        "automated_percent": str(found.automated_percent),
        "ir_revenue": money.written(found.ir_revenue) if found.ir_revenue else "",
        "skip_within_hours": str(found.skip_within_hours or ""),
        f"{_CAP}.messages": str(cap.messages) if cap else "",
        f"{_CAP}.days": str(cap.days) if cap else "",
        "late_zones": found.late_zones.value,
        "late_minutes": str(found.late_minutes),
        "overlap": found.overlap.value,
        "outside_hours": found.outside_hours.value,
        "holdout_percent": str(found.holdout_percent or ""),
    }


def _text(at: int, blast: Blast) -> BlastForm:
    fields = {
        "message": blast.message, "variant_name": blast.variant_name or "",
        "percent_audience": str(blast.percent_audience),
        "mms_image_url": blast.mms_image_url or "",
    }  # fmt: skip
    made = BlastForm(f"blasts[{at}]", fields)
    made.links = links_of(made.links_path, blast.offer_links)
    return made


def _days(chosen: Iterable[str]) -> Mapping[str, bool]:
    return {day: day in chosen for day in WEEKDAYS}


def _truth(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)


def _cap(messages: str, days: str) -> FrequencyCap:
    """Return the cap of a form; one of no messages takes away what was there."""
    most = whole(messages, _CAP) or 0
    return FrequencyCap(most, whole(days, _CAP) or (0 if most else 1))
