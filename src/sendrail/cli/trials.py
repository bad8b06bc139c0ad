"""`sendrail campaigns test`: a campaign tried without a run of it."""

from typing import Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json, run

Campaign = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="The id of a campaign, 24 digits.")
]


def send(
    campaign: Campaign,
    numbers: Annotated[
        list[str], typer.Argument(metavar="NUMBER...", help="Where it goes: five at most.")
    ],
    *,
    variant: Annotated[int, typer.Option(min=1, help="Which of its texts, from 1.")] = 1,
    contact: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="A contact for whom the text is filled.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send a text of a campaign to a few numbers; ends with 1 where one of them gets nothing."""
    from sendrail.campaigns.trial_sends import TrialInput
    from sendrail.intake.verdicts import Accepted, Replay

    given = TrialInput(phone_numbers=numbers, variant=variant, contact=contact)
    found = run(data, as_json, lambda it: it.trials.send(it.default_account, campaign, given))
    assert not isinstance(found, Replay), "no idempotency key was given"
    shown: list[dict[str, Any]] = [
        {"phone_number": number, "message_id": each.message_id, "code": None, "error": None}
        if isinstance(each, Accepted)
        else {"phone_number": number, "message_id": None, "code": each.code, "error": each.text}
        for number, each in zip(numbers, found, strict=True)
    ]
    columns = ("phone_number", "message_id", "code", "error")
    output.listing("results", columns, shown, "", as_json)
    if not all(each["message_id"] for each in shown):
        raise typer.Exit(1)
