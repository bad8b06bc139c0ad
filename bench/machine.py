"""What the figures were measured on: without it a number says nothing to another machine."""

import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path

import kit

PACKAGES = ("uvloop", "httptools", "msgspec", "uvicorn", "starlette", "sqlalchemy")
PROBE_SECONDS = 1.0
PAGE = b"x" * 4096


def facts() -> list[tuple[str, str]]:
    """Name and value, in the order of a table."""
    return [
        ("processor", f"{processor()}, {os.cpu_count()} cores"),
        ("memory", f"{gigabytes():.0f} GB"),
        ("system", f"{release()}, kernel {platform.release()}, {platform.machine()}"),
        (
            "disk",
            f"{filesystem(kit.scratch())}; {syncs_a_second():,.0f} synced 4 KB appends a second",
        ),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("SQLite", sqlite3.sqlite_version),
        ("packages", ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)),
        ("commit", commit()),
    ]


def processor() -> str:
    return _field("/proc/cpuinfo", "model name")


def gigabytes() -> float:
    return int(_field("/proc/meminfo", "MemTotal").split()[0]) * 1024 / 1e9


def release() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def filesystem(folder: Path) -> str:
    """The kind of the mount `folder` lies on: the longest mount point above it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(point), kind) for _, point, kind, *_ in mounts if folder.is_relative_to(point)]
    return max(above)[1]


def syncs_a_second() -> float:
    """What the disk allows a server that waits for it: appends of one page, each made durable."""
    with tempfile.TemporaryFile(dir=kit.scratch(), buffering=0) as file:
        started, count = time.monotonic(), 0
        while (spent := time.monotonic() - started) < PROBE_SECONDS:
            file.write(PAGE)
            os.fdatasync(file.fileno())
            count += 1
    return count / spent


class Bystanders:
    """The share of all cores that work other than ours takes, from now on.

    Above a few percent the figures speak of that work too, and even ratios waver.
    """

    def __init__(self) -> None:
        self._busy, self._all = _ticks()
        self._ours = _our_seconds()

    def share(self) -> float:
        busy, everything = _ticks()
        ours = (_our_seconds() - self._ours) * os.sysconf("SC_CLK_TCK")
        return max(0.0, busy - self._busy - ours) / max(1, everything - self._all)


def _ticks() -> tuple[int, int]:
    ticks = [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    waiting = ticks[3] + ticks[4]
    return sum(ticks) - waiting, sum(ticks)


def _our_seconds() -> float:
    """Processor time of this process and of every child it has waited for."""
    return sum(os.times()[:4])


def commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(kit.BENCH), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    changed = (
        " with uncommitted changes"
        if git("status", "--porcelain", "--", "../src", ".", ":!results")
        else ""
    )
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"
