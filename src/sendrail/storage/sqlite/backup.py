"""A consistent copy of a running installation in one file.

SQLite's backup interface copies a snapshot while others go on writing; the key under which message
ids are made goes with it, because ids given out would otherwise lead nowhere after a restore.
"""

import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

from sendrail.domain.errors import Conflict, StorageUnavailable
from sendrail.storage.data_folder import DATABASE, MASTER_KEY, sync_folder

SETTINGS_FILE: Final = "sendrail.toml"


def back_up(data_dir: Path, archive: Path) -> int:
    """Write a data folder's database, key and settings to a .tar.gz; return its size in bytes.

    Nothing is overwritten, and nothing half-written is left behind. The copy lies beside the
    archive while it is made, for which there must be room.
    """
    try:
        descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(
            f"{archive} is there already; a backup overwrites nothing.", code="file_exists"
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(data_dir, archive.parent, file)
            file.flush()
            os.fsync(file.fileno())
            sync_folder(archive.absolute().parent)
            return file.tell()
    except BaseException:
        archive.unlink()
        raise


def _write(data_dir: Path, beside: Path, file: BinaryIO) -> None:
    with (
        tempfile.TemporaryDirectory(prefix=".sendrail-backup-", dir=beside) as folder,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar,
    ):
        copy = Path(folder, DATABASE)
        _copy(data_dir / DATABASE, copy)
        tar.add(copy, arcname=DATABASE, filter=_private)
        tar.add(data_dir / MASTER_KEY, arcname=MASTER_KEY, filter=_private)
        if (settings := data_dir / SETTINGS_FILE).exists():
            tar.add(settings, arcname=SETTINGS_FILE, filter=_private)


def _copy(source: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as from_,
            closing(sqlite3.connect(target)) as to,
        ):
            # All pages in one step: it reads one snapshot, and in WAL mode no writer waits for it.
            from_.backup(to, pages=-1)
            # The copy is one file: no log must lie beside it.
            to.execute("PRAGMA journal_mode = DELETE")
            [(verdict,), *_] = to.execute("PRAGMA quick_check").fetchall()
    except sqlite3.Error as error:
        raise StorageUnavailable(f"The database cannot be copied: {error}.") from error
    if verdict != "ok":
        raise StorageUnavailable(f"The copy of the database is damaged: {verdict}.")


def _private(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    # Whose files these are on this machine means nothing on the next one.
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry
