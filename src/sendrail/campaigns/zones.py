"""The time zones that a schedule goes by: its account's, or all that recipients may be in."""

from collections.abc import Collection
from typing import Final

from sendrail.contacts.area_codes import EVERYWHERE, areas
from sendrail.domain.ids import AccountId
from sendrail.domain.schedule import ScheduleTerms
from sendrail.domain.waves import ZonesByNumber, area_range
from sendrail.storage.interface import Tx

# Contacts of these zones may come at any time between the choice of an hour and the hour.
_ALWAYS: Final = frozenset(
    {
        *EVERYWHERE, "America/Puerto_Rico", "America/Detroit", "America/Indiana/Indianapolis",
        "America/Kentucky/Louisville", "America/Boise", "America/Toronto", "America/Winnipeg",
        "America/Regina", "America/Edmonton", "America/Vancouver",
    }
)  # fmt: skip
# Of an account with more lists it is not asked which area codes they have.
_LISTS_MAX: Final = 100


def account_numbers(tx: Tx, account_id: AccountId) -> ZonesByNumber:
    """Return the zones of numbers as an account's runs go by them.

    A far zone without a contact does not count: Guam's hour would else begin each run on the
    evening before, and fix its texts with that.
    """
    by_area = {code: area.zones for code, area in areas().items()}
    far = [code for code, zones in by_area.items() if not _ALWAYS.issuperset(zones)]
    lists, unused = tx.audiences.lists_of(account_id), frozenset[str]()
    if len(lists) <= _LISTS_MAX:
        has = tx.audience_members.has_numbers
        unused = frozenset(code for code in far if not has(lists, *area_range(code)))
    clock, told = tx.accounts.timezone(account_id), tx.numbers.told_zones(account_id)
    return ZonesByNumber(by_area, EVERYWHERE, clock, unused, told)


def zones_of(tx: Tx, account_id: AccountId, terms: ScheduleTerms) -> Collection[str]:
    """Return every zone in which a schedule of an account may be due."""
    if not terms.use_local_time:
        return (tx.accounts.timezone(account_id),)
    return account_numbers(tx, account_id).all()
