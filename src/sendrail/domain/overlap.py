"""A secret that was replaced stays good for a while beside the new one."""

from typing import Protocol


class ReplacedSecret(Protocol):
    """What has a secret, sealed, and perhaps the one before with the end of its time."""

    @property
    def secret(self) -> bytes | None: ...
    @property
    def old_secret(self) -> bytes | None: ...
    @property
    def old_secret_until(self) -> int | None: ...


def live_secrets(kept_in: ReplacedSecret, now: int) -> list[bytes]:
    """Return the secrets that are good now, still sealed, newest first."""
    live = [] if kept_in.secret is None else [kept_in.secret]
    if kept_in.old_secret is not None and now < (kept_in.old_secret_until or 0):
        live.append(kept_in.old_secret)
    return live
