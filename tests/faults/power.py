"""A disk whose power can be cut at any moment: what was not synced by then is gone.

An ext4 image lies on a btrfs, which clones a file as it is at one moment. A clone of the image is
what a disk would hold if the power had failed just then: what programs had written and the kernel
had not yet passed on is not in it. The clone is mounted as such a disk would be after the failure.

This needs root and loop devices; where they are not to be had the tests are skipped, with the
reason. Packages: btrfs-progs and e2fsprogs.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

_OUTER_MIB = 4_096
_INNER_MIB = 768


class Disk:
    """A mounted file system, and the image that is its disk."""

    def __init__(self, image: Path, path: Path) -> None:
        self._image = image
        self.path = path

    def cut(self, number: int) -> Path:
        """Return the image of the disk as if its power failed now; the disk itself runs on."""
        clone = self._image.with_name(f"cut-{number}.img")
        _run("cp", "--reflink=always", self._image, clone)
        return clone


@contextmanager
def disk() -> Iterator[Disk]:
    """Make and mount a disk; skips the test where that is not possible."""
    _check_possible()
    # Not in pytest's folder, which only its owner may enter: PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="sendrail-power-") as folder:
        Path(folder).chmod(0o711)
        with _disk_in(Path(folder)) as made:
            yield made


@contextmanager
def _disk_in(folder: Path) -> Iterator[Disk]:
    outer, image = folder / "outer.img", folder / "outer" / "disk.img"
    with outer.open("wb") as file:
        file.truncate(_OUTER_MIB * 2**20)
    _run("mkfs.btrfs", "--quiet", outer)
    with mounted(outer, folder / "outer"):
        with image.open("wb") as file:
            file.truncate(_INNER_MIB * 2**20)
        _run("mkfs.ext4", "-q", image)
        with mounted(image, folder / "disk") as path:
            yield Disk(image, path)


@contextmanager
def mounted(image: Path, path: Path) -> Iterator[Path]:
    """Mount an image; whatever still runs on it at the end is killed."""
    path.mkdir()
    _run("mount", "-o", "loop", image, path)
    try:
        yield path
    finally:
        _kill_all_on(path)
        _run("umount", "--lazy", path)


def _kill_all_on(path: Path) -> None:
    for process in psutil.process_iter():
        try:
            where = Path(process.cwd())
        except (psutil.Error, OSError):
            continue
        if where.is_relative_to(path):
            process.kill()


def _check_possible() -> None:
    if os.geteuid() != 0:
        pytest.skip("NO POWER CUTS: only root may mount a disk")
    missing = [each for each in ("mkfs.btrfs", "mkfs.ext4") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"NO POWER CUTS: {', '.join(missing)} is not installed")
    free = subprocess.run(["losetup", "--find"], capture_output=True, text=True, check=False)
    if free.returncode:
        pytest.skip(f"NO POWER CUTS: no loop device: {free.stderr.strip()}")
    if "btrfs" not in Path("/proc/filesystems").read_text("ascii"):
        loaded = subprocess.run(["modprobe", "btrfs"], capture_output=True, check=False)
        if loaded.returncode:
            pytest.skip("NO POWER CUTS: this kernel has no btrfs")


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
