"""`sendrail campaigns`: schedules, and what keeps one from sending."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output, runs, trials
from sendrail.cli.session import operator, run, sender

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
    from sendrail.campaigns.schedules import ScheduleDetails
    from sendrail.domain.schedule import Schedule

app = typer.Typer(help="Campaigns: what is sent to whom, and when.", no_args_is_help=True)
# What is done with their runs, under the name that a marketer looks for it.
app.command("run")(runs.start)
app.command("test")(trials.send)
app.command()(trials.dry_run)
for _command in (runs.watch, runs.pause, runs.resume, runs.stop):
    app.command()(_command)

_COLUMNS = ("id", "name", "status", "send_type", "send_time", "next_run_at")
_WHOLE = 100
# A whole blast is given by `--text`, and a time by options of their own.
_NOT_SET = frozenset({"name", "status", "blasts", "send_time", "audiences", "source_lists"})

Id = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The id of a campaign, 24 digits.")]
Audiences = Annotated[
    list[str] | None,
    typer.Option("--audience", metavar="ID", help="An audience to send to. May be repeated."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="HH:MM", help="The time of day to send at, in the account's time zone."
    ),
]
On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="The one day to send on.")]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="The first day of a repeating campaign."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="The last day of a repeating campaign."),
]
Days = Annotated[
    str | None,
    typer.Option(metavar="monday,friday", help="The days of the week of a repeating campaign."),
]
Texts = Annotated[
    list[str] | None,
    typer.Option(
        "--text", metavar="TEXT", help="A text. May be repeated; each text then gets a share."
    ),
]
Shares = Annotated[
    list[int] | None,
    typer.Option(
        "--share", metavar="PERCENT", help="The share of each text; default: equal shares."
    ),
]
Links = Annotated[
    list[str] | None,
    typer.Option("--link", metavar="link1=OFFER", help="Where a link leads. May be repeated."),
]
Lists = Annotated[
    list[str] | None,
    typer.Option(
        "--list", metavar="LIST", help="A list to send from; default: all lists. May be repeated."
    ),
]
LocalTime = Annotated[
    bool | None,
    typer.Option(
        "--local-time/--account-time", help="Whether --at is in each recipient's time zone."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Another field of the API, such as holdout_percent=5. May be repeated.",
    ),
]
Status = Annotated[
    str | None,
    typer.Option(
        metavar="draft|off|on|complete|archive",
        help="The campaign's status. off and archive stop runs that have not ended.",
    ),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The campaign's name.")],
    *,
    audience: Audiences = None,
    at: At = None,
    on: On = None,
    from_: From = None,
    until: Until = None,
    days: Days = None,
    text: Texts = None,
    share: Shares = None,
    link: Links = None,
    lists: Lists = None,
    local_time: LocalTime = None,
    set_: Set = None,
    status: Status = None,
) -> None:
    """Add a campaign. Without a text, it chooses creatives by their success.

    It is a draft until its status is on.
    """
    values = _dates(on, from_, until, days) | _set(set_) | {"name": name, "status": status}
    values |= {"send_type": "blast" if text else "automated", "use_local_time": local_time}
    values |= {"audiences": audience, "send_time": at, "blasts": _blasts(text, share, link)}
    values.setdefault("is_repeating", False)

    async def work(it: "Runtime") -> "ScheduleDetails":
        given = _given(values | {"source_lists": await _list_ids(it, lists)})
        return await it.schedules.add(it.default_account, given, operator())

    _print(run(work))


@app.command("list")
def list_(status: Status = None) -> None:
    """List campaigns, newest first; archived ones only with `--status archive`."""
    from sendrail.contacts.inputs import choice_of
    from sendrail.domain.schedule import ScheduleStatus

    wanted = choice_of(ScheduleStatus, status, "status") if status else None
    found = run(lambda it: it.schedules.all(it.default_account, wanted))
    shown = [_shown(each) for each in found]
    output.listing("schedules", _COLUMNS, shown, "There are no campaigns.")


@app.command()
def show(campaign: Id) -> None:
    """Show a campaign."""
    found = run(lambda it: it.schedules.show(it.default_account, campaign))
    output.card(_shown(found) if output.is_json() else _plain(found))


@app.command()
def update(
    campaign: Id,
    *,
    name: Annotated[str | None, typer.Option(help="The new name.")] = None,
    audience: Audiences = None,
    at: At = None,
    on: On = None,
    from_: From = None,
    until: Until = None,
    days: Days = None,
    text: Texts = None,
    share: Shares = None,
    link: Links = None,
    lists: Lists = None,
    local_time: LocalTime = None,
    set_: Set = None,
    status: Status = None,
) -> None:
    """Change a campaign, or switch it on or off; given texts replace all of its texts."""
    values = _dates(on, from_, until, days) | _set(set_) | {"name": name, "status": status}
    values |= {"audiences": audience, "send_time": at, "use_local_time": local_time}
    values |= {"blasts": _blasts(text, share, link)}
    if text:
        values["send_type"] = "blast"

    async def work(it: "Runtime") -> "ScheduleDetails":
        given = _given(values | {"source_lists": await _list_ids(it, lists)})
        return await it.schedules.change(it.default_account, campaign, given, operator())

    _print(run(work))


@app.command()
def archive(campaign: Id) -> None:
    """Switch a campaign off and hide it; `update --status draft` restores it.

    Runs that have not ended are stopped.
    """
    run(lambda it: it.schedules.archive(it.default_account, campaign, operator()))
    output.done({"archived": True}, "archived")


@app.command()
def preflight(campaign: Id) -> None:
    """Check whether a campaign can be switched on; exit code 1 if not."""
    found = run(lambda it: it.schedules.preflight(it.default_account, campaign))
    if output.is_json():
        output.document(
            {
                "ok": not found.errors,
                "errors": [each._asdict() for each in found.errors],
                "warnings": [each._asdict() for each in found.warnings],
                "first_run_at": output.when(found.starts_at),
            }
        )
    else:
        for each in found.errors:
            output.note(f"error: {each.text} ({each.code}, {each.param})")
        output.warnings(found.warnings)
        first = {"first_run_at": output.when(found.starts_at)}
        output.card({"errors": len(found.errors), "warnings": len(found.warnings)} | first)
    if found.errors:
        raise typer.Exit(1)


@app.command()
def timezone(
    name: Annotated[
        str, typer.Argument(metavar="[ZONE]", help="A time zone, such as Europe/Oslo.")
    ] = "",
) -> None:
    """Show or set the account's time zone, which its campaigns use."""
    from sendrail.campaigns.account_settings import AccountSettingsChange

    change = AccountSettingsChange(timezone=name or None)
    found = run(lambda it: it.account_settings.change(it.default_account, change, operator()))
    output.card({"timezone": found.timezone})


def _dates(
    on: str | None, from_: str | None, until: str | None, days: str | None
) -> dict[str, Any]:
    """Return the fields of dates; one day is none of those that repeat."""
    if on is not None:
        if from_ or until or days:
            raise typer.BadParameter("one day, or --from, --until and --days", param_hint="--on")
        return {"is_repeating": False, "send_date": on}
    values: dict[str, Any] = {"start_date": from_, "end_date": until}
    if days is not None:
        values["days_of_week"] = {each.strip().lower(): True for each in days.split(",")}
    if from_ or until or days:
        values["is_repeating"] = True
    return values


def _set(given: Sequence[str] | None) -> dict[str, Any]:
    """Return fields by their names in the API; a value that is no JSON is a text."""
    import msgspec

    from sendrail.campaigns.schedule_reading import ScheduleInput
    from sendrail.contacts.inputs import json_in

    settable = frozenset(each.name for each in fields(ScheduleInput)) - _NOT_SET
    values: dict[str, Any] = {}
    for pair in given or ():
        name, mark, text = pair.partition("=")
        if not mark or name not in settable:
            raise typer.BadParameter(
                f"{name} cannot be set; these can: {', '.join(sorted(settable))}",
                param_hint="--set",
            )
        try:
            values[name] = json_in(text)
        except ValueError:
            values[name] = text
    try:
        checked = msgspec.convert(values, ScheduleInput)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    return {name: getattr(checked, name) for name in values}


def _blasts(
    texts: Sequence[str] | None, shares: Sequence[int] | None, links: Sequence[str] | None
) -> "list[BlastInput] | None":
    """Return the texts, each with those of the links that it has a place for."""
    from sendrail.campaigns.reading import LinkInput
    from sendrail.campaigns.schedule_reading import BlastInput

    if not texts:
        if shares or links:
            raise typer.BadParameter("--share and --link need a --text", param_hint="--text")
        return None
    if shares and len(shares) != len(texts):
        raise typer.BadParameter("each text needs a share", param_hint="--share")
    pairs = [text.partition("=") for text in links or ()]
    offers = {key.strip(): ref.strip() for key, _, ref in pairs}
    return [
        BlastInput(
            message=text,
            percent_audience=percent,
            offer_links=[
                LinkInput(key=key, offer_id=ref) for key, ref in offers.items() if key in text
            ],
        )
        for text, percent in zip(texts, shares or _equal(len(texts)), strict=True)
    ]


def _equal(count: int) -> list[int]:
    """Return equal shares; the first ones have what is left over."""
    return [_WHOLE // count + (place < _WHOLE % count) for place in range(count)]


def _given(values: Mapping[str, Any]) -> "ScheduleInput":
    from sendrail.campaigns.schedule_reading import ScheduleInput

    return ScheduleInput(**values)


async def _list_ids(it: "Runtime", numbers: Sequence[str] | None) -> list[int] | None:
    if numbers is None:
        return None
    return [(await it.lists.find(it.default_account, sender(each))).sender.id for each in numbers]


def _print(found: "ScheduleDetails") -> None:
    if output.is_json():
        warnings = {"warnings": [each._asdict() for each in found.warnings]}
        output.card(_shown(found.schedule) | warnings)
    else:
        output.warnings(found.warnings)
        output.card(_plain(found.schedule))


def _shown(found: "Schedule") -> dict[str, Any]:
    from sendrail.domain.schedule import WEEKDAYS, ScheduleTerms

    shown: dict[str, Any] = {"id": found.ref, "status": found.status.value}
    shown |= {each.name: getattr(found, each.name) for each in fields(ScheduleTerms)}
    shown["days_of_week"] = [WEEKDAYS[at] for at in shown.pop("weekdays")]
    shown["blasts"] = [
        {"message": each.message, "percent_audience": each.percent_audience}
        | {link.key: link.offer_ref for link in each.offer_links}
        for each in found.blasts
    ]
    cap = found.frequency_cap
    shown["frequency_cap"] = cap and {"messages": cap.messages, "days": cap.days}
    for name in ("send_time", "send_until"):
        shown[name] = shown[name] and f"{shown[name]:%H:%M}"
    for name in ("send_date", "start_date", "end_date"):
        shown[name] = shown[name] and shown[name].isoformat()
    return shown | {
        "next_run_at": output.when(found.next_at),
        "created_at": output.when(found.created_at),
        "updated_at": output.when(found.updated_at),
    }


def _plain(found: "Schedule") -> dict[str, Any]:
    """Return what is shown to people: what is said of it, and each text in a line of its own."""
    shown = _shown(found)
    cap = found.frequency_cap
    shown["audiences"] = " ".join(found.audiences)
    shown["source_lists"] = " ".join(map(str, found.source_lists)) or "all"
    shown["days_of_week"] = " ".join(shown["days_of_week"])
    shown["frequency_cap"] = cap and f"{cap.messages} in {cap.days} days"
    del shown["blasts"]
    for place, each in enumerate(found.blasts, 1):
        shown[f"text {place}"] = f"{each.percent_audience} %: {each.message}"
    return {name: value for name, value in shown.items() if value not in (None, "", False)}
