"""Link settings on every database: an account's row, its usual words, and what servers remember."""

from stores import NOW

from sendrail.domain.audit import Actor
from sendrail.domain.filter_page import PageWords
from sendrail.domain.link_settings import LinkSettings
from sendrail.links.domains import TrackingDomains
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.link_settings import LinkSettingsService

ME = Actor(name="a test")


def make(house):
    hosts = TrackingHosts(house.store, TrackingDomains())
    return LinkSettingsService(house.store, hosts, lambda: NOW), hosts


def test_an_accounts_settings_are_its_own_and_known_to_servers(house):
    service, hosts = make(house)
    changed = house.do(
        service.change(house.us, ME, filter_bots=True, title="Nearly", text="\u00fc")
    )
    expected = LinkSettings(house.us, True, PageWords(title="Nearly", text="\u00fc"))
    assert changed == house.do(service.show(house.us)) == hosts.settings_of(house.us) == expected
    assert hosts.settings_of(house.them) == LinkSettings(house.them)
    assert house.do(service.show(house.them)) == LinkSettings(house.them)


def test_another_process_knows_them_once_it_has_looked(house):
    service, _ = make(house)
    _, elsewhere = make(house)
    house.do(service.change(house.us, ME, filter_bots=True))
    assert elsewhere.settings_of(house.us).filter_bots is False
    house.do(elsewhere.refresh())
    assert elsewhere.settings_of(house.us).filter_bots is True


def test_a_text_that_is_taken_away_is_the_usual_one_and_the_rest_stays(house):
    service, _ = make(house)
    house.do(service.change(house.us, ME, filter_bots=True, title="Mine", button="Mine"))
    changed = house.do(service.change(house.us, ME, title=""))
    assert changed == LinkSettings(house.us, True, PageWords(button="Mine"))


def test_an_offer_decides_where_it_says_anything():
    for of_account in (False, True):
        settings = LinkSettings(1, of_account)
        assert settings.filters(None) is of_account
        assert settings.filters(of_offer=False) is False
        assert settings.filters(of_offer=True) is True
