"""The data folder of the embedded store: its keys and its lock.

Everything is made at the first run: the folder for its owner only, a master key, the database. The
lock makes a second server on the same folder a clear refusal instead of a race.
"""

import fcntl
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.errors import SetupError

DATABASE: Final = "sendrail.db"
MASTER_KEY: Final = "master.key"
LOCK: Final = "lock"

# Everything that holds data or keys; SQLite's own files stand beside the database.
_PRIVATE: Final = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", MASTER_KEY)
# What a mode may grant to others: to pass through a folder, and no more.
_TO_OTHERS: Final = 0o066
_KEY_BYTES: Final = 32


def make_folder(path: Path) -> None:
    """Make a folder for its owner only, and those above it, durably. Raises `OSError`."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)


def sync_folder(path: Path) -> None:
    """Have the disk keep the names in a folder: syncing a file does not keep its name.

    Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & _TO_OTHERS)


class Folder:
    """A data folder on disk."""

    def __init__(self, path: Path, master_key: str = "") -> None:
        """Prepare the folder at `path`; a `master_key` stands for the one it would hold itself."""
        self.path = path.absolute()
        self.database = self.path / DATABASE
        self._given_key = master_key
        self._lock: int | None = None

    def prepare(self, *, is_new: bool = True) -> None:
        """Make what is missing; a key only where the installation is new.

        Raises `SetupError` where the folder cannot be used, or the key should be there.
        """
        try:
            make_folder(self.path)
            if not self._given_key and not (self.path / MASTER_KEY).exists():
                self._make_key(is_new)
        except OSError as error:
            raise self._unusable(error) from error

    def make_private(self) -> list[str]:
        """Keep our files from other users, whatever the folder allows; return which were open.

        Only those that are this user's: another's are as they want them.
        """
        opened = []
        for name in _PRIVATE:
            path = self.path / name
            if path.exists() and _is_open(path) and path.stat().st_uid == os.geteuid():
                path.chmod(0o600)
                opened.append(name)
        return opened

    def is_open(self) -> bool:
        """Return whether other users may look into the folder."""
        return _is_open(self.path)

    def make_database(self) -> None:
        """Make an empty file for the database where there is none, for its owner only."""
        try:
            os.close(os.open(self.database, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> SetupError:
        return SetupError(
            f"The data folder {self.path} cannot be used: {error.strerror}. Make it writable for "
            "this user, or choose another one with --data."
        )

    def _make_key(self, is_new: bool) -> None:
        if not is_new or self.database.exists():
            raise SetupError(
                f"{self.path / MASTER_KEY} is missing, but there is a database. Put the key back "
                "from a backup, or copy it from another machine of the installation. Without it, "
                "message ids would change, and secrets would be lost."
            )
        # Written aside and moved into place, so that no half-written key is ever found.
        partial = self.path / f"{MASTER_KEY}.new"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path / MASTER_KEY)
        sync_folder(self.path)

    def key(self, purpose: str, size: int = 16) -> bytes:
        """Return the key of `size` bytes for one purpose, derived from the master key."""
        path = "The setting master_key" if self._given_key else self.path / MASTER_KEY
        try:
            text = self._given_key or (self.path / MASTER_KEY).read_text("ascii")
            master = bytes.fromhex(text.strip())
        except (OSError, ValueError) as error:
            raise SetupError(
                f"{path} cannot be read as a key: {error}. Put it back from a backup."
            ) from error
        if len(master) != _KEY_BYTES:
            raise SetupError(
                f"{path} has {len(master)} bytes; a key has {_KEY_BYTES}. Restore it from a backup."
            )
        return hashlib.blake2b(purpose.encode(), key=master, digest_size=size).digest()

    def pseudonyms(self) -> Pseudonyms:
        """Return what knows erased people again."""
        return Pseudonyms(self.key("erased-numbers"))

    def lock(self) -> None:
        """Become the only server on this folder. Raises `SetupError` when there is one already."""
        try:
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise SetupError(
                f"Another server (process {owner or 'unknown'}) already runs on {self.path}. Stop "
                "it first, or choose another folder with --data."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def is_served(self) -> bool:
        """Return whether the process that last took the lock is still there."""
        try:
            os.kill(int((self.path / LOCK).read_text("ascii")), 0)
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return True

    def unlock(self) -> None:
        """Let another server have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
