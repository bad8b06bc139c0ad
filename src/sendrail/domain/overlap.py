"""A secret that was replaced stays good for a while beside the new one."""

from typing import Final, Protocol

from sendrail.domain.errors import InvalidInput
from sendrail.domain.times import DAY_MS

OVERLAP_DAYS_MAX: Final = 365


class ReplacedSecret(Protocol):
    """What has a secret, sealed, and perhaps the one before with the end of its time."""

    @property
    def secret(self) -> bytes | None: ...
    @property
    def old_secret(self) -> bytes | None: ...
    @property
    def old_secret_until(self) -> int | None: ...


def expect_overlap(overlap_ms: int) -> None:
    """Refuse an overlap that is negative, or so long that the secret is hardly replaced."""
    if not 0 <= overlap_ms <= OVERLAP_DAYS_MAX * DAY_MS:
        raise InvalidInput(
            f"The overlap is at most {OVERLAP_DAYS_MAX} days; 0 ends the old secret at once.",
            param="overlap",
        )


def live_secrets(kept_in: ReplacedSecret, now: int) -> list[bytes]:
    """Return the secrets that are good now, still sealed, newest first."""
    live = [] if kept_in.secret is None else [kept_in.secret]
    if kept_in.old_secret is not None and now < (kept_in.old_secret_until or 0):
        live.append(kept_in.old_secret)
    return live
