"""The time zones that a schedule goes by: its account's, or all that recipients may be in."""

from collections.abc import Collection

from sendrail.contacts.area_codes import EVERYWHERE, areas
from sendrail.domain.ids import AccountId
from sendrail.domain.schedule import ScheduleTerms
from sendrail.domain.waves import ZonesByNumber
from sendrail.storage.interface import Tx


def account_numbers(tx: Tx, account_id: AccountId) -> ZonesByNumber:
    """Return the zones of numbers as an account's runs go by them."""
    by_area = {code: area.zones for code, area in areas().items()}
    return ZonesByNumber(by_area, EVERYWHERE, tx.accounts.timezone(account_id))


def zones_of(tx: Tx, account_id: AccountId, terms: ScheduleTerms) -> Collection[str]:
    """Return every zone in which a schedule of an account may be due."""
    if not terms.use_local_time:
        return (tx.accounts.timezone(account_id),)
    return account_numbers(tx, account_id).all()
