"""A small disk of one's own."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted_tmpfs(path: Path, size: str) -> Iterator[Path]:
    """Mount a file system in memory, of a size; skips the test where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        # Lazily: a server that a failed test left behind may still hold it.
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def frozen(path: Path) -> Iterator[None]:
    """Let nobody write a file, not even root; skips the test where no file can be frozen."""
    done = subprocess.run(["chattr", "+i", path], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("only root may freeze a file, and not on every file system")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def fill_up(ballast: Path) -> None:
    """Write a file until there is not a byte left."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(ballast).f_bavail == 0


def fill_up_to(ballast: Path, free: int) -> None:
    """Write a file until no more than so many bytes are left."""
    with ballast.open("wb", buffering=0) as file:
        left = os.statvfs(ballast)
        file.write(bytes(left.f_bavail * left.f_bsize - free))
