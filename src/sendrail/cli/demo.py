"""`sendrail demo`: a fresh sandbox with a month in it."""

from typing import Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import data_dir


def demo(
    days: Annotated[int, typer.Option(min=2, max=90, help="How many days to play.")] = 30,
    contacts: Annotated[
        int, typer.Option(min=100, max=3_000, help="How many contacts to invent.")
    ] = 2_400,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="The seed of the invention: another seed gives other people and another month.",
        ),
    ] = 1,
) -> None:
    """Fill a new sandbox with a month of an invented shop, to explore.

    If there is no installation, the command creates one, with an API key. No message is sent: the
    people are invented, and their numbers are reserved for fiction.
    """
    from sendrail.demo.filling import DemoPlan, fill
    from sendrail.settings import load

    settings = load(data_dir=data_dir())
    made = fill(settings, DemoPlan(days=days, contacts=contacts, seed=seed))
    folder = settings.data_dir.absolute()
    fields = {
        "data": str(folder),
        "contacts": made.contacts,
        "messages": made.messages,
        "api_key": made.api_key,
    }
    output.card(fields)
    if not output.is_json():
        output.note(f"Now: sendrail serve --data {folder}")
