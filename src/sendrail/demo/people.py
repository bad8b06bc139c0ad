"""Invented people: names, numbers that are kept for fiction, and what a shop knows of them."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sendrail.domain.contact import Scalar
from sendrail.domain.phone import PhoneNumber

# Of each area code the numbers 555-0100 to 555-0199 are kept for fiction (NANPA, 555 line numbers).
_FICTION: Final = 5_550_100
_OF_AN_AREA: Final = 100
# Areas of the four zones of the continental United States, as a shop's customers live.
_AREAS: Final = (
    212, 617, 305, 404, 215, 202, 716, 412, 919, 704,
    312, 214, 713, 612, 504, 615, 414, 816,
    303, 602, 801, 505,
    415, 206, 503, 213, 619, 702, 916, 509,
)  # fmt: skip
PEOPLE_MAX: Final = len(_AREAS) * _OF_AN_AREA
_FIRST: Final = (
    "Ada", "Amara", "Ben", "Carla", "Chidi", "Dana", "Diego", "Elena", "Emil", "Fatima", "Finn",
    "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jonas", "Joy", "Kai", "Karim", "Lena", "Leo",
    "Lucia", "Marcus", "Maya", "Mei", "Milo", "Nadia", "Noah", "Nora", "Omar", "Oscar", "Paula",
    "Priya", "Ravi", "Rosa", "Sam", "Sofia", "Tara", "Theo", "Uma", "Vera", "Victor", "Yara",
    "Yusuf", "Zoe",
)  # fmt: skip
_LAST: Final = (
    "Adler", "Bauer", "Brandt", "Castillo", "Chen", "Costa", "Diallo", "Ellis", "Farrow", "Fischer",
    "Greene", "Haas", "Ibarra", "Jansen", "Kaya", "Keller", "Lindgren", "Marsh", "Mbeki", "Moreau",
    "Nakata", "Novak", "Okafor", "Olsen", "Park", "Quinn", "Reyes", "Rossi", "Sato", "Silva",
    "Tanaka", "Turner", "Varga", "Weber", "Young", "Zhou",
)  # fmt: skip
_CITIES: Final = ("Harbour", "Old Town", "Riverside", "Station Road")


@dataclass(frozen=True, slots=True)
class Person:
    """A person who shops, and how their phone behaves."""

    number: PhoneNumber
    first_name: str
    last_name: str
    fields: Mapping[str, Scalar]
    # How likely they follow a link, and whether their phone ever answers.
    interest: float
    is_reachable: bool


def people(count: int, dice: random.Random) -> list[Person]:
    """Return so many people with different numbers, at most `PEOPLE_MAX`."""
    return [_person(number, dice) for number in dice.sample(list(_numbers()), count)]


def _numbers() -> Iterator[PhoneNumber]:
    for area in _AREAS:
        first = 10_000_000_000 + area * 10_000_000 + _FICTION
        yield from (PhoneNumber(first + at) for at in range(_OF_AN_AREA))


def _person(number: PhoneNumber, dice: random.Random) -> Person:
    tier = dice.choices(("basic", "plus", "gold"), (70, 22, 8))[0]
    fields: dict[str, Scalar] = {
        "tier": tier,
        "store": dice.choice(_CITIES),
        "orders": min(40, int(dice.expovariate(0.25 if tier == "basic" else 0.08))),
    }
    if dice.random() < 0.4:
        fields["favourite"] = dice.choice(("boots", "tents", "jackets", "lamps"))
    keenness = {"basic": 0.10, "plus": 0.16, "gold": 0.27}[tier]
    return Person(
        number=number,
        first_name=dice.choice(_FIRST),
        last_name=dice.choice(_LAST),
        fields=fields,
        interest=min(0.9, dice.expovariate(1 / keenness)),
        is_reachable=dice.random() > 0.017,
    )
