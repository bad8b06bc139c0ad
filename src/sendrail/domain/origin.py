"""What a message comes from when no account has sent it itself."""

from enum import StrEnum
from typing import NamedTuple


class OriginKind(StrEnum):
    """What sends messages for an account."""

    RUN = "run"
    JOURNEY = "journey"


class Origin(NamedTuple):
    """A run of a campaign or a journey, by its id, and which of its parts.

    `version` is that of the run's content, or of the journey; `part` is the variant of the run, or
    the step of the journey.
    """

    kind: OriginKind
    of_id: int
    version: int = 0
    part: str = ""


class OriginText(NamedTuple):
    """What the text of an origin was made of: a creative, and the offers that its links count for.

    It is that of the first message of the origin.
    """

    creative_id: int | None = None
    offers: tuple[int, ...] = ()
