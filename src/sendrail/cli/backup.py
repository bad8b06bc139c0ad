"""`sendrail backup`: copy the whole installation into one file, while it runs."""

from pathlib import Path
from typing import Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import installation


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The .tar.gz to write; it must not exist.")
    ],
) -> None:
    """Copy the database, the master key and the settings file into one archive.

    The server may keep running. To restore, unpack the archive into an empty folder, and start
    `sendrail serve --data` on it. The archive contains the key and all messages: protect it.
    PostgreSQL is backed up with its own tools.
    """
    from sendrail.domain.errors import SetupError
    from sendrail.storage.sqlite.backup import back_up

    settings = installation()
    if settings.database_url:
        raise SetupError(
            "The database is PostgreSQL: back it up with its own tools, pg_dump or "
            "pg_basebackup, and back up the master key as well. docs/operate/backup.md has the "
            "steps."
        )
    size = back_up(settings.data_dir, file.absolute())
    if output.is_json():
        output.document({"file": str(file.absolute()), "bytes": size})
        return
    print(file)
    output.note(
        f"{size:,} bytes. To restore: mkdir -m 700 DIR && tar -xzf {file} -C DIR && "
        "sendrail serve --data DIR"
    )
