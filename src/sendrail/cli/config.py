"""`sendrail config`: every setting, its value, and the origin of the value."""

from typing import Any

import typer

from sendrail.cli import output
from sendrail.cli.session import data_dir

app = typer.Typer(help="The settings, with their origin.", no_args_is_help=True)


# Without this, Typer would drop the name of the only command in the group.
@app.callback()
def _group() -> None:
    pass


@app.command()
def show() -> None:
    """Show every setting with its value, its origin and its description."""
    from sendrail.settings import explain

    settings = list(explain(data_dir=data_dir()))
    columns = ("setting", "value", "origin", "help")
    shown = [_shown(each) for each in settings]
    output.listing("settings", columns, shown, "There are no settings.")


def _shown(each: Any) -> dict[str, Any]:
    plain = each.value if isinstance(each.value, int | float | str) else str(each.value)
    return {"setting": each.name, "value": plain, "origin": each.origin, "help": each.help}
