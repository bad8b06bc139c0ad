"""What numbers tell: area codes against Google's data, facts of numbers, the finder's rounds."""

import asyncio
from collections import defaultdict
from datetime import datetime
from importlib.metadata import EntryPoint
from itertools import chain
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers import geocoder, timezone
from phonenumbers.tzdata import TIMEZONE_DATA
from shares import own, share_of
from written import parsed as number_of

from sendrail.app import open_runtime
from sendrail.contacts.area_codes import EVERYWHERE, area_of, areas, zones_of
from sendrail.contacts.look_up import Finder, NumberingPlans, facts_of, lookup_of
from sendrail.domain.audit import Actor
from sendrail.domain.errors import SetupError
from sendrail.domain.numbering import LineType, NumberFacts
from sendrail.ownership import WholeOwnership
from sendrail.rounds import Rounds
from sendrail.sandbox import sandbox_number
from sendrail.settings import load
from sendrail.workers import delivering

# Where the two differ and ours is right. By the numbering plan's assignments: 474 is an overlay of
# Saskatchewan's 306, 689 of Orlando's 407, 879 of 709 in Newfoundland and Labrador.
OURS_IS_RIGHT = {"474", "689", "879"}
PREFIXES = defaultdict(list)
for each in TIMEZONE_DATA:
    PREFIXES[each[:4]].append(each)
# Overlays of which Google's data know no exchange yet.
NEWER = {
    "357", "436", "457", "465", "471", "483", "621", "624", "679", "729", "837", "861", "924",
}  # fmt: skip
# One exchange on the Aleutians that Google's data place in Hawaii.
STRAYS = {"907": {"Pacific/Honolulu"}}


def offsets(zone):
    """Return what a zone's clocks show in winter and summer: aliases show the same."""
    return tuple(
        datetime(2026, month, 15, 12, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)
    )


def parsed(area_code, exchange=234):
    return phonenumbers.parse(f"+1{area_code}{exchange}0000")


def test_the_table_is_of_the_whole_plan():
    countries = defaultdict(int)
    for area in areas().values():
        countries[area.country] += 1
    assert (countries["US"], countries["CA"]) == (372, 56)
    states = {
        region for area in areas().values() if area.country == "US" for region in area.regions
    }
    assert len(states) == 51
    assert all(len(code) == 3 and code[0] in "23456789" for code in areas())
    assert all(ZoneInfo(zone) for area in areas().values() for zone in area.zones)


def test_every_area_code_that_google_places_is_in_the_table():
    missing = {
        str(code)
        for code in range(200, 1000)
        if phonenumbers.region_code_for_number(parsed(code)) is not None
        and len(timezone.time_zones_for_number(parsed(code))) < 10
        and str(code) not in areas()
    }
    assert missing == set()


def test_an_area_code_lies_in_its_country():
    theirs = {code: phonenumbers.region_code_for_number(parsed(code)) for code in areas()}
    ours = {code: None if code in NEWER else area.country for code, area in areas().items()}
    assert theirs == ours


STATES = {
    "AL": "Alabama", "CA": "California", "FL": "Florida", "IN": "Indiana", "KY": "Kentucky",
    "NE": "Nebraska", "TN": "Tennessee", "TX": "Texas", "ON": "Ontario", "QC": "Quebec",
}  # fmt: skip


def test_states_are_those_that_google_names():
    # Its data name a city for most exchanges ("Miami, FL"), the state alone for the others.
    wrong = []
    for code, area in areas().items():
        if area.country not in {"US", "CA"}:
            continue
        for exchange in range(200, 1000, 7):
            place = geocoder.description_for_number(parsed(code, exchange), "en")
            state = place.rpartition(", ")[2] if ", " in place else ""
            if len(state) == 2 and state not in area.regions:
                wrong.append((code, exchange, place, area.regions))
        name = geocoder.description_for_number(parsed(code), "en")
        named = {region for region, full in STATES.items() if full == name}
        if named and not named & set(area.regions):
            wrong.append((code, name, area.regions))
    assert wrong == []


def test_no_exchange_of_an_area_code_lies_outside_its_zones():
    outside = []
    for code in areas().keys() - OURS_IS_RIGHT:
        ours = {offsets(zone) for zone in areas()[code].zones}
        # The data are by prefix: an area code's, and those of exchanges that differ from it.
        theirs = {zone for prefix in PREFIXES[f"1{code}"] for zone in TIMEZONE_DATA[prefix]}
        theirs -= STRAYS.get(code, set())
        outside += [(code, zone) for zone in theirs if offsets(zone) not in ours]
    assert outside == []
    assert len(PREFIXES.keys() & {f"1{code}" for code in areas()}) > 400


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        (12125550100, ["America/New_York"]),
        (18505550100, ["America/New_York", "America/Chicago"]),
        (12195550100, ["America/Chicago", "America/Indiana/Indianapolis"]),
        (19155550100, ["America/Denver"]),
        (18005550100, list(EVERYWHERE)),
        (15005550100, list(EVERYWHERE)),
        (19995550100, list(EVERYWHERE)),
        (447911123456, []),
        (1234567, []),
    ],
)
def test_whoever_asks_for_the_time_is_told_every_zone(number, zones):
    assert list(zones_of(number)) == zones


def test_only_a_number_of_north_america_has_an_area():
    assert area_of(12125550100).regions == ["NY"]
    assert area_of(18005550100) is None
    assert area_of(2125550100) is None


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        (12125550100, NumberFacts(timezone="America/New_York", is_valid=True)),
        (18505550100, NumberFacts(is_valid=True)),
        (18005551212, NumberFacts(is_valid=True)),
        (
            33612345678,
            NumberFacts(
                carrier="SFR", line_type=LineType.CELL_PHONE, timezone="Europe/Paris", is_valid=True
            ),
        ),
        (
            33123456789,
            NumberFacts(line_type=LineType.LANDLINE, timezone="Europe/Paris", is_valid=True),
        ),
        (
            33912345678,
            NumberFacts(line_type=LineType.VOIP, timezone="Europe/Paris", is_valid=True),
        ),
        # The fictional numbers of the sandbox: their area code is nobody's.
        (15550100001, NumberFacts(is_valid=False)),
        (999123456789, NumberFacts(is_valid=False)),
    ],
)
def test_a_number_tells_what_is_sure_and_no_more(number, facts):
    assert facts_of(number) == facts


class Service:
    """A look-up that is asked, and may be down."""

    def __init__(self):
        self.asked = []
        self.down = False

    async def look_up(self, numbers):
        self.asked.append(list(numbers))
        if self.down:
            raise ConnectionError
        return [NumberFacts(carrier="Bell", is_valid=True) for _ in numbers]


@pytest.fixture
def many(house):
    house.do(house.lists.add(house.us, number_of("+15550100000")))
    house.import_contacts(
        "+15550100000", b"phone,carrier\n" + b"".join(b"+1212555%04d,\n" % n for n in range(120))
    )
    return house


def test_contacts_are_looked_up_once_fifty_at_a_time(many):
    service = Service()
    finder = Finder(many.store, service, now=lambda: many.now, ownership=WholeOwnership())
    assert [many.do(finder.step()) for _ in range(4)] == [50, 50, 20, 0]
    assert sorted(chain.from_iterable(service.asked)) == [12125550000 + n for n in range(120)]


def test_what_the_account_has_said_itself_stays(house):
    house.do(house.lists.add(house.us, number_of("+15550100000")))
    house.import_contacts("+15550100000", b"phone,carrier,line_type\n+33612345678,Mine,VOIP\n")
    house.do(
        Finder(
            house.store, NumberingPlans(), now=lambda: house.now, ownership=WholeOwnership()
        ).step()
    )
    [_, row] = house.export_contacts("+15550100000").decode().splitlines()
    assert row.startswith('"(+33) 612345678","","","","Mine","VOIP","Europe/Paris",')


class Recorded(Rounds):
    """Rounds that note each rest instead of taking it; the last of so many ends them."""

    def __init__(self, ends_after, at_rest):
        super().__init__("test")
        self.rests = []
        self._ends_after = ends_after
        self._at_rest = at_rest

    async def run(self, do_round):
        while len(self.rests) < self._ends_after:
            self.rests.append(await do_round())
            self._at_rest(len(self.rests))


def rests_of(many, finder, ends_after, at_rest):
    """Return how long a finder rests after each of so many rounds, in seconds."""
    # On this finder alone: servers of other tests look numbers up in threads of their own.
    rounds = finder._rounds = Recorded(ends_after, at_rest)
    many.do(finder.run())
    return rounds.rests


def test_a_service_that_is_down_is_asked_again_later_and_later(many):
    service = Service()
    service.down = True

    def comes_back(rests):
        service.down = rests < 3

    finder = Finder(many.store, service, now=lambda: many.now, ownership=WholeOwnership())
    rests = rests_of(many, finder, 7, comes_back)
    assert rests[:3] == [10.0, 20.0, 40.0]
    assert all(pause < 5 for pause in rests[3:5])
    assert rests[5:] == [5.0, 5.0]
    assert service.asked[0] == service.asked[3]


def test_a_number_is_looked_up_by_one_process_alone(many):
    service, share = Service(), share_of()

    def taken_over(rests):
        if rests == 2:
            assert not service.asked
            own(share, 0)

    finder = Finder(many.store, service, now=lambda: many.now, ownership=share)
    assert rests_of(many, finder, 3, taken_over)[:2] == [5.0, 5.0]
    assert len(service.asked) == 1


def test_a_look_up_is_found_by_its_name():
    assert isinstance(lookup_of("numbering_plans"), NumberingPlans)
    with pytest.raises(SetupError, match="known: numbering_plans"):
        lookup_of("nobody")


def test_a_look_up_that_cannot_be_loaded_says_so(monkeypatch):
    broken = EntryPoint("paid", "nowhere.at:All", "sendrail.lookups")
    monkeypatch.setattr("sendrail.contacts.look_up.entry_points", lambda **_: [broken])
    with pytest.raises(SetupError, match=r"'paid' \(nowhere.at:All\) cannot be loaded"):
        lookup_of("paid")


def test_a_running_server_looks_its_contacts_up(tmp_path):
    async def serve():
        settings = load({}, data_dir=tmp_path, free_disk_min_mb=0)
        async with open_runtime(settings, serving=True) as runtime:
            us, sender = runtime.default_account, sandbox_number()
            await runtime.contacts.add(us, number_of(sender), number_of("+33612345678"))
            async with delivering(runtime, lambda: None), asyncio.timeout(60):
                while await runtime.store.read(lambda tx: tx.numbers.unknown(1)):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            chunks = await runtime.files.export_contacts(
                us, number_of(sender), Actor(name="a test")
            )
            return b"".join([chunk async for chunk in chunks]).decode()

    assert '"SFR","CELL PHONE","Europe/Paris",' in asyncio.run(serve())
