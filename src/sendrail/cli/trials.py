"""`sendrail campaigns test` and `dry-run`: a campaign tried without a run of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import run

if TYPE_CHECKING:
    from sendrail.campaigns.dry_runs import DryRun, TrialCount

Campaign = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="The id of a campaign, 24 digits.")
]


def send(
    campaign: Campaign,
    numbers: Annotated[
        list[str], typer.Argument(metavar="NUMBER...", help="The numbers to send to, five at most.")
    ],
    *,
    variant: Annotated[
        int, typer.Option(min=1, help="Which text of the campaign; the first is 1.")
    ] = 1,
    contact: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="The contact whose values fill the text.")
    ] = None,
) -> None:
    """Send a text of a campaign to a few numbers; exit code 1 if one of them gets nothing."""
    from sendrail.campaigns.trial_sends import TrialInput
    from sendrail.intake.verdicts import Accepted, Replay

    given = TrialInput(phone_numbers=numbers, variant=variant, contact=contact)
    found = run(lambda it: it.trials.send(it.default_account, campaign, given))
    assert not isinstance(found, Replay), "no idempotency key was given"
    shown: list[dict[str, Any]] = [
        {"phone_number": number, "message_id": each.message_id, "code": None, "error": None}
        if isinstance(each, Accepted)
        else {"phone_number": number, "message_id": None, "code": each.code, "error": each.text}
        for number, each in zip(numbers, found, strict=True)
    ]
    columns = ("phone_number", "message_id", "code", "error")
    output.listing("results", columns, shown, "")
    if not all(each["message_id"] for each in shown):
        raise typer.Exit(1)


def dry_run(campaign: Campaign) -> None:
    """Show what the next run of a campaign would do; nothing is sent."""
    found = run(lambda it: it.dry_runs.run(it.default_account, campaign))
    shown = _examples(found)
    if output.is_json():
        output.document(_document(found) | {"examples": shown})
        return
    output.card(
        {
            "recipients": _told(found.recipients),
            "held_out": _told(found.held_out),
            "opted_out": "not in a sample" if found.opted_out is None else _told(found.opted_out),
        }
        | {f"left out: {reason}": _told(each) for reason, each in found.left_out.items()}
        | {
            f"default of {name}": f"{_told(each)}, {found.default_percents[name]} %"
            for name, each in found.defaulted.items()
        }
        | {
            "segments": f"{found.segments_mean} each, {found.segments_max} at most",
            "takes": f"{found.duration_seconds:,} s",
            "finishes_at": output.when(found.finishes_at),
            "out_of_time": _told(found.out_of_time),
            "first_run_at": output.when(found.first_run_at),
        }
    )
    print()
    output.table(("kind", "phone_number", "segments", "body"), shown, "It would send nothing.")
    if not found.is_exact:
        output.note(f"estimated from a sample of {found.examined:,} contacts")


def _document(found: "DryRun") -> dict[str, Any]:
    counts = ("recipients", "held_out", "opted_out")
    shown: dict[str, Any] = {"is_exact": found.is_exact, "examined": found.examined}
    for name in counts:
        each = getattr(found, name)
        shown[name] = None if each is None else each._asdict()
    return shown | {
        "left_out": {reason: each._asdict() for reason, each in found.left_out.items()},
        "defaults": [
            {"field": name, "messages": each._asdict(), "percent": found.default_percents[name]}
            for name, each in found.defaulted.items()
        ],
        "segments_mean": found.segments_mean,
        "segments_max": found.segments_max,
        "duration_seconds": found.duration_seconds,
        "finishes_at": output.when(found.finishes_at),
        "out_of_time": found.out_of_time._asdict(),
        "first_run_at": output.when(found.first_run_at),
        "counted_at": output.when(found.counted_at),
    }


def _examples(found: "DryRun") -> list[dict[str, Any]]:
    from sendrail.domain import phone

    return [
        {
            "kind": kind,
            "phone_number": phone.show(each.recipient),
            "variant": each.variant,
            "body": each.text,
            "encoding": each.encoding,
            "segments": each.segments,
            "defaulted": list(each.defaulted),
        }
        for kind, each in found.examples
    ]


def _told(count: "TrialCount") -> str:
    """Return a count in figures, with its band where it has one."""
    if count.low == count.high:
        return f"{count.size:,}"
    return f"about {count.size:,} ({count.low:,} to {count.high:,})"
