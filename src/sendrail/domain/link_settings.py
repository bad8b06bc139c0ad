"""How an account's short links treat visitors that look like machines."""

from dataclasses import dataclass, field

from sendrail.domain.filter_page import PageWords
from sendrail.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """An account's settings: whether machines see the filter page, and what it says."""

    account_id: AccountId
    filter_bots: bool = False
    words: PageWords = field(default_factory=PageWords)

    def filters(self, of_offer: bool | None) -> bool:
        """Return whether a link has the filter page: its offer decides, where it says anything."""
        return self.filter_bots if of_offer is None else of_offer
