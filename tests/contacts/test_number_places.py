"""Where numbers may be by their prefix, held against what is said of numbers themselves."""

import phonenumbers
import pytest

from sendrail.contacts.area_codes import area_of, areas, zones_of
from sendrail.contacts.number_places import place_of
from sendrail.domain.local_time import zone_names
from sendrail.domain.phone import prefix_of


def test_every_area_code_is_where_its_numbers_are():
    for code in (*areas(), "800", "555"):
        number = int(f"1{code}5550100")
        place, area = place_of(prefix_of(number)), area_of(number)
        assert list(place.zones) == list(zones_of(number))
        assert area is None or place.countries[0] == area.country
        assert place.regions == (None if area is None else tuple(area.regions))


def test_a_number_without_a_place_may_be_anywhere_in_the_united_states():
    place = place_of(prefix_of(18005550100))
    assert (place.countries, place.regions, len(place.zones)) == (("US",), None, 5)


def test_the_rules_of_the_united_states_count_in_its_territories():
    assert place_of(prefix_of(17875550100)).countries == ("PR", "US")
    assert place_of(prefix_of(14165550100)).countries == ("CA",)


def test_every_calling_code_has_its_countries_and_zones_that_there_are():
    for code, countries in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        if code == 1:
            continue
        place = place_of(code)
        assert set(place.countries) == set(countries) - {"001"}
        assert set(place.zones) <= zone_names()
        # Some of all the world's, such as of satellites, have no zone.
        assert place.zones or not place.countries or code in {800, 808, 870, 878, 881, 882, 883}


@pytest.mark.parametrize(
    ("number", "prefix"),
    [(12125550100, 1212), (4790000000, 47), (79990000000, 7), (35312345678, 353), (1212555010, 1)],
)
def test_a_prefix_is_what_says_where_a_number_is(number, prefix):
    assert prefix_of(number) == prefix
