"""What an event of another system says beside its name: a few values, kept with the passage.

A step's text shows them as `{{event.name}}`, and conditions of the type `event_data` ask for them.
"""

from collections.abc import Mapping
from typing import Final

from sendrail.domain.contact import Scalar
from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys.faults import FaultLog
from sendrail.domain.journeys.reading_conditions import FIELD_LENGTH_MAX, read_scalar

# As many names as one event has, and as one passage remembers.
NAMES_MAX: Final = 20
VALUE_LENGTH_MAX: Final = 500


def read_event_data(given: object, path: str) -> dict[str, Scalar]:
    """Return the data of an event, decoded from JSON; a value of null is none.

    Raises `InvalidInput` with the path to the first part at fault.
    """
    log = FaultLog()
    found = data_in(log, given, path)
    for fault in log.faults:
        raise InvalidInput(fault.text, code=fault.code, param=fault.param)
    return found


def data_in(log: FaultLog, given: object, path: str) -> dict[str, Scalar]:
    """Return the data of an event, and note its faults."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        log.fault("invalid_value", 'must be an object: {"total": 59.9}', path)
        return {}
    if len(given) > NAMES_MAX:
        log.fault("invalid_value", f"may have at most {NAMES_MAX} names", path)
        return {}
    found: dict[str, Scalar] = {}
    for name, value in given.items():
        at = f"{path}.{name[:FIELD_LENGTH_MAX]}"
        log.text(name, at, FIELD_LENGTH_MAX)
        if (
            value is not None
            and (read := read_scalar(log, value, at, VALUE_LENGTH_MAX)) is not None
        ):
            found[name] = read
    return found


def remembered(known: Mapping[str, Scalar], said: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return what a passage remembers after an event: of too many names, those of the last ones."""
    kept = {name: value for name, value in known.items() if name not in said} | dict(said)
    return dict(list(kept.items())[-NAMES_MAX:])
