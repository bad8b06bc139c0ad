"""`sendrail serve`: the API and the delivery in one process."""

from typing import Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json


def serve(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default: 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; default: 8025.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take messages and deliver them. The first start sets everything up."""
    from sendrail.api.server import run
    from sendrail.settings import load

    with output.told(as_json):
        run(load(data_dir=data, host=host, port=port), as_json)
