"""A data folder's health, looked at from outside: nothing is made, changed or repaired.

Each finding says how bad it is and, where it is bad, the command or the change that helps.
"""

import os
import shutil
import sqlite3
import stat
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.sizes import size_shown
from sendrail.storage.checkup import DatabaseReport, Finding, Level, seen_by
from sendrail.storage.data_folder import DATABASE, MASTER_KEY
from sendrail.storage.sqlite.setup import schema_of
from sendrail.storage.tables import SCHEMA

_SYNCS: Final = 9
# A commit waits for one of these: at 20 ms the disk takes no more than fifty groups a second.
_SYNC_MS_HIGH: Final = 20.0
# RETURNING, and upserts without surprises.
_SQLITE_MIN: Final = (3, 35, 0)
_MIB: Final = 2**20


def is_set_up(data_dir: Path) -> bool:
    """Return whether there is an installation in this folder."""
    return (data_dir / DATABASE).exists()


def look_at(data_dir: Path, free_disk_min_mb: int) -> Iterator[Finding]:
    """Yield the findings; those that need a folder or a database come only where there is one."""
    yield _sqlite()
    if not data_dir.is_dir():
        yield Finding(
            "data folder",
            Level.FAIL,
            f"{data_dir} is not there",
            f"sendrail serve --data {data_dir}, or name the right folder with --data",
        )
        return
    folder = _folder(data_dir)
    yield folder
    if folder.level is not Level.FAIL:
        yield _sync_speed(data_dir)
    yield _free_disk(data_dir, free_disk_min_mb)
    yield _key(data_dir)
    yield _database(data_dir)


def schemas(data_dir: Path) -> tuple[str | None, str]:
    """Return the schema a database has, and the one this version wants.

    Raises `StorageUnavailable` when the file cannot be read as a database.
    """
    try:
        return schema_of(data_dir / DATABASE), SCHEMA
    except sqlite3.Error as error:
        raise StorageUnavailable(f"The database cannot be read: {error}.") from error


def look_into(data_dir: Path, now: int) -> DatabaseReport | None:
    """Return what the database says of itself at this time; None where it cannot be read."""
    if not is_set_up(data_dir):
        return None
    engine = create_engine(f"sqlite:///{data_dir / DATABASE}")
    try:
        with engine.connect() as connection:
            return seen_by(connection, now)
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()


def _sqlite() -> Finding:
    if sqlite3.sqlite_version_info >= _SQLITE_MIN:
        return Finding("sqlite", Level.OK, f"version {sqlite3.sqlite_version}")
    wanted = ".".join(map(str, _SQLITE_MIN))
    return Finding(
        "sqlite",
        Level.FAIL,
        f"version {sqlite3.sqlite_version} is too old",
        f"use a Python whose SQLite is {wanted} or newer",
    )


def _folder(data_dir: Path) -> Finding:
    probe = data_dir / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding(
            "data folder",
            Level.FAIL,
            f"{data_dir} cannot be written: {error.strerror}",
            f"chown -R $(id -u) {data_dir}",
        )
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & 0o077:
        return Finding(
            "data folder",
            Level.WARN,
            f"{data_dir} is open to other users (mode {mode:04o})",
            f"chmod 700 {data_dir}",
        )
    return Finding("data folder", Level.OK, f"{data_dir} is writable")


def _sync_speed(data_dir: Path) -> Finding:
    """Measure what each commit waits for: a page written and forced to disk."""
    probe = data_dir / f".doctor-{os.getpid()}"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT, 0o600)
    seconds = []
    try:
        for at in range(_SYNCS):
            began = time.perf_counter()
            os.pwrite(descriptor, b"\0" * 4096, 4096 * at)
            os.fsync(descriptor)
            seconds.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        probe.unlink()
    middle = statistics.median(seconds) * 1000
    if middle < _SYNC_MS_HIGH:
        return Finding("disk speed", Level.OK, f"a sync to disk takes {middle:.1f} ms")
    return Finding(
        "disk speed",
        Level.WARN,
        f"a sync to disk takes {middle:.1f} ms",
        "move the data folder to a local SSD",
    )


def _free_disk(data_dir: Path, free_disk_min_mb: int) -> Finding:
    free = shutil.disk_usage(data_dir).free
    least = free_disk_min_mb * _MIB
    if free <= least:
        return Finding(
            "free disk",
            Level.FAIL,
            f"{size_shown(free)}: no message is accepted below {size_shown(least)}",
            "free some space, or lower retention_days",
        )
    if free <= 10 * least:
        return Finding(
            "free disk",
            Level.WARN,
            f"only {size_shown(free)}",
            "free some space before it runs out",
        )
    return Finding("free disk", Level.OK, size_shown(free))


def _key(data_dir: Path) -> Finding:
    path = data_dir / MASTER_KEY
    if not path.exists():
        return Finding(
            "master key",
            Level.FAIL,
            f"{path} is missing",
            "restore it from a backup (`sendrail backup` includes it)",
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding(
            "master key",
            Level.FAIL,
            f"{path} is readable by others (mode {mode:04o})",
            f"chmod 600 {path}",
        )
    return Finding("master key", Level.OK, "readable by its owner only")


def _database(data_dir: Path) -> Finding:
    if not is_set_up(data_dir):
        return Finding(
            "database", Level.FAIL, "there is no database yet", f"sendrail serve --data {data_dir}"
        )
    try:
        schema = schema_of(data_dir / DATABASE)
    except sqlite3.Error as error:
        return Finding(
            "database",
            Level.FAIL,
            f"cannot be read: {error}",
            "restore a backup",
        )
    if schema == SCHEMA:
        return Finding("database", Level.OK, f"schema {schema}")
    if schema is None or schema < SCHEMA:
        return Finding(
            "database",
            Level.WARN,
            f"schema {schema or 'missing'}, this version needs {SCHEMA}",
            f"sendrail migrate --data {data_dir}",
        )
    return Finding(
        "database",
        Level.FAIL,
        f"schema {schema} is newer than {SCHEMA}, the schema of this version",
        "install the version of Sendrail that wrote it, or a newer one",
    )
