"""The places of the sidebar, each for who may go there."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sendrail.dashboard.paths import PREFIX
from sendrail.domain.user import Permission
from sendrail.people.signing_in import SignedInUser


class NavigationPlace(NamedTuple):
    """A page that the sidebar leads to; `beside` are paths of pages that are reached from it."""

    path: str
    icon: str
    title: str
    permission: Permission
    beside: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return PREFIX + self.path

    def has(self, url: str) -> bool:
        """Return whether a page is this one, one under it, or one beside it."""
        if url == self.url or any(url == PREFIX + each for each in self.beside):
            return True
        return self.path != "/" and url.startswith(f"{self.url}/")


class NavigationGroup(NamedTuple):
    """Some of them under a title; the first group has none, the last stands at the foot."""

    title: str
    places: Sequence[NavigationPlace]


_FIGURES, _PEOPLE = Permission.SEE_FIGURES, Permission.SEE_PEOPLE
_SEND, _MANAGE = Permission.SEND, Permission.MANAGE

GROUPS: Final = (
    NavigationGroup(
        "",
        (
            NavigationPlace("/", "overview", "Overview", _FIGURES),
            NavigationPlace("/messages", "messages", "Messages", _PEOPLE),
            NavigationPlace("/inbox", "inbox", "Inbox", _PEOPLE),
        ),
    ),
    NavigationGroup(
        "Reach",
        (
            NavigationPlace("/contacts", "contacts", "Contacts", _PEOPLE, ("/blocks",)),
            NavigationPlace("/lists", "lists", "Lists", _FIGURES),
            NavigationPlace("/audiences", "audiences", "Audiences", _FIGURES),
        ),
    ),
    NavigationGroup(
        "Send",
        (
            NavigationPlace("/campaigns", "campaigns", "Campaigns", _FIGURES),
            NavigationPlace("/journeys", "journeys", "Journeys", _FIGURES),
            NavigationPlace("/creatives", "creatives", "Creatives", _PEOPLE),
            NavigationPlace("/offers", "offers", "Offers", _FIGURES),
            NavigationPlace("/reports", "reports", "Reports", _FIGURES),
            NavigationPlace("/send", "flag", "Send a test", _SEND),
        ),
    ),
    NavigationGroup(
        "Connect",
        (
            NavigationPlace("/connectors", "connectors", "Connectors", _FIGURES),
            NavigationPlace("/webhooks", "webhooks", "Webhooks", _MANAGE),
            NavigationPlace("/domains", "domains", "Domains", _FIGURES, ("/clicks",)),
            NavigationPlace("/keys", "keys", "API keys", _MANAGE),
            NavigationPlace("/sandbox", "sandbox", "Sandbox", _PEOPLE),
        ),
    ),
    NavigationGroup(
        "foot",
        (
            NavigationPlace("/health", "health", "Health", Permission.OPERATE),
            NavigationPlace("/team", "team", "Team", _MANAGE),
            NavigationPlace("/audit", "audit", "Audit", _MANAGE),
            NavigationPlace("/settings", "settings", "Settings", _FIGURES),
        ),
    ),
)


def groups_for(who: SignedInUser | None) -> Sequence[NavigationGroup]:
    """Return the places that a user may go to."""
    if who is None:
        return ()
    return [
        NavigationGroup(group.title, places)
        for group in GROUPS
        if (places := [each for each in group.places if each.permission in who.permissions])
    ]
