"""`sendrail config`: every setting, its value, and where the value comes from."""

from typing import Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json

app = typer.Typer(help="The settings and where they come from.", no_args_is_help=True)


# A group of one command would swallow its name.
@app.callback()
def _group() -> None:
    pass


@app.command()
def show(data: Data = None, as_json: Json = False) -> None:
    """Show every setting with its value, its origin and what it is for."""
    from sendrail.settings import explain

    with output.told(as_json):
        settings = list(explain(data_dir=data))
    if as_json:
        output.document({"settings": [_shown(each) for each in settings]})
    else:
        columns = ("setting", "value", "origin", "help")
        output.table(columns, [_shown(each) for each in settings], "There are no settings.")


def _shown(each: Any) -> dict[str, Any]:
    plain = each.value if isinstance(each.value, int | float | str) else str(each.value)
    return {"setting": each.name, "value": plain, "origin": each.origin, "help": each.help}
