"""The fields of conversions, as revenue and imported revenue both have them."""

from collections.abc import Sequence
from typing import Annotated

from sendrail.api.v2.field_types import about
from sendrail.api.v2.fields import word
from sendrail.domain.conversion import Attribution, ConversionEvent
from sendrail.domain.errors import InvalidInput
from sendrail.domain.times import read_instant

Currency = Annotated[
    str | None,
    about(
        "The amount's currency, as ISO 4217 names it. It must be the account's, or the one of what "
        "is taken back; left out, it is."
    ),
]


def attribution_in(text: str, among: Sequence[Attribution]) -> Attribution:
    """Return what a conversion is attributed to."""
    if text not in among:
        raise InvalidInput(
            f"attribution_type must be one of {', '.join(among)}",
            code="invalid_attribution_type",
            param="attribution_type",
        )
    return Attribution(text)


def event_in(text: str | None) -> ConversionEvent:
    """Return the event of a conversion, a sale where none is named."""
    event = word(text) or ConversionEvent.SALE
    if event not in set(ConversionEvent):
        raise InvalidInput(f"event must be one of {', '.join(ConversionEvent)}", param="event")
    return ConversionEvent(event)


def moment_in(text: str | None, param: str = "timestamp") -> int | None:
    """Return the milliseconds of a time; a blank one is none."""
    if (time := word(text)) is None:
        return None
    if (at := read_instant(time)) is None or at < 0:
        raise InvalidInput(
            f"{param} must be a time such as 2026-01-31T08:00:00Z",
            code="invalid_timestamp",
            param=param,
        )
    return at


def external_id_in(text: str | None, length_max: int) -> str | None:
    """Return the id of a transaction; a blank one is none."""
    external_id = word(text)
    if external_id is not None and len(external_id) > length_max:
        raise InvalidInput(f"external_id has at most {length_max} characters", param="external_id")
    return external_id
