"""Tracking domains of an account: add, verify, choose and remove them."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import owned_list
from sendrail.domain.audit import Action, Actor
from sendrail.domain.destinations import ANYWHERE, DestinationRules
from sendrail.domain.errors import Conflict, InvalidInput, NotFound, missing
from sendrail.domain.ids import AccountId, ListId, is_row_id
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.tracking_domain import LETTERS, TrackingDomain, host_fault
from sendrail.links.destinations import destination_of
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.verifying import DomainVerifier

T = TypeVar("T")

DOMAINS_MAX: Final = 100
_TOKEN_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class DomainDetails:
    """A domain, with what the lists that name it send from."""

    domain: TrackingDomain
    lists: Sequence[str]


class DomainService:
    """Operations on an account's tracking domains; one is named by its id or by its host."""

    def __init__(
        self,
        store: Store,
        hosts: TrackingHosts,
        verifier: DomainVerifier,
        rules: DestinationRules = ANYWHERE,
        *,
        api_hosts: Collection[str],
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._verifier = verifier
        self._rules = rules
        self._api_hosts = api_hosts
        self._now = now

    async def add(
        self,
        account_id: AccountId,
        host: str,
        actor: Actor,
        *,
        home_url: str = "",
        fallback_url: str = "",
        letters: int = LETTERS[0],
        guard: Guard = unguarded,
    ) -> DomainDetails:
        """Add a domain; an account's first one is its default.

        Raises `InvalidInput` for a host that links must not stand on, and `Conflict` for one that
        is a tracking domain already.
        """
        name = self._host(host)
        values = _urls(self._rules, name, home_url=home_url, fallback_url=fallback_url)
        if letters not in LETTERS:
            choices = " or ".join(map(str, LETTERS))
            raise InvalidInput(f"The links' ids have {choices} letters", param="short_id_letters")

        def add(tx: Tx) -> DomainDetails:
            others = tx.domains.all(account_id)
            if len(others) >= DOMAINS_MAX:
                raise Conflict(
                    f"An account has at most {DOMAINS_MAX} tracking domains; remove one first.",
                    code="too_many_domains",
                )
            domain_id = tx.domains.add(
                account_id,
                host=name,
                letters=letters,
                is_default=not others,
                token=secrets.token_hex(_TOKEN_BYTES),
                created_at=self._now(),
                **values,
            )
            if domain_id is None:
                raise Conflict(
                    "The host is a tracking domain already, of this account or of another one.",
                    code="domain_taken",
                    param="domain",
                )
            self._note(tx, account_id, actor, Action.DOMAIN_ADDED, name)
            return _details(tx, account_id, domain_id)

        return await self._changed(guard(add))

    async def all(self, account_id: AccountId) -> list[DomainDetails]:
        """Return the account's domains, the oldest first."""

        def read(tx: Tx) -> list[DomainDetails]:
            names = _list_names(tx, account_id)
            return [
                DomainDetails(each, names.get(each.id, ())) for each in tx.domains.all(account_id)
            ]

        return await self._store.read(read)

    async def show(self, account_id: AccountId, which: int | str) -> DomainDetails:
        """Return one domain. Raises `NotFound`, the same for another account's."""
        return await self._store.read(lambda tx: _details(tx, account_id, which))

    async def change(
        self,
        account_id: AccountId,
        which: int | str,
        actor: Actor,
        *,
        home_url: str | None = None,
        fallback_url: str | None = None,
        is_default: bool | None = None,
        lists: Sequence[PhoneNumber] | None = None,
    ) -> DomainDetails:
        """Change what is given; an empty URL takes it away.

        `lists` are all those that name this domain from now on. Another domain is made the default
        by its own change: `is_default` False is refused.
        """
        if is_default is False:
            raise InvalidInput(
                "Make another domain the default instead: an account's links need one.",
                param="is_default",
            )
        values = _urls(self._rules, None, home_url=home_url, fallback_url=fallback_url)

        def change(tx: Tx) -> DomainDetails:
            domain = _owned(tx, account_id, which)
            if values:
                tx.domains.change(account_id, domain.id, **values)
            if is_default:
                tx.domains.make_default(account_id, domain.id)
            if lists is not None:
                wanted = _own_lists(tx, account_id, lists)
                before: list[ListId] = tx.domains.lists(account_id).get(domain.id, [])
                tx.domains.use_default(account_id, set(before) - set(wanted))
                tx.domains.use(account_id, domain.id, wanted)
            self._note(tx, account_id, actor, Action.DOMAIN_CHANGED, domain.host)
            return _details(tx, account_id, domain.id)

        return await self._changed(change)

    async def use(
        self, account_id: AccountId, list_number: PhoneNumber, host: str | None, actor: Actor
    ) -> None:
        """Let a list's links stand on a domain, None for the account's default."""

        def use(tx: Tx) -> None:
            sender = owned_list(tx, account_id, list_number)
            if host is None:
                tx.domains.use_default(account_id, [sender.id])
                return
            domain = _owned(tx, account_id, host)
            tx.domains.use(account_id, domain.id, [sender.id])
            self._note(tx, account_id, actor, Action.DOMAIN_CHANGED, domain.host)

        await self._store.write(use)

    async def verify(self, account_id: AccountId, which: int | str) -> DomainDetails:
        """Ask a domain over HTTPS now, and return it with what came of it."""
        found = await self.show(account_id, which)
        # It must be known here before it is asked: the answer comes from this very server.
        await self._hosts.refresh()
        if (checked := await self._verifier.verify(found.domain)) is None:
            raise _no_domain()
        await self._hosts.refresh()
        return DomainDetails(checked, found.lists)

    async def remove(self, account_id: AccountId, which: int | str, actor: Actor) -> None:
        """Remove a domain: links that stand on it lead nowhere from now on.

        Raises `Conflict` while lists name it, or while it is the default of an account that has
        others.
        """

        def remove(tx: Tx) -> None:
            domain = _owned(tx, account_id, which)
            is_needed = domain.is_default and len(tx.domains.all(account_id)) > 1
            if is_needed or tx.domains.lists(account_id).get(domain.id):
                raise Conflict(
                    "Lists use the domain. First give them another domain, or make another one the "
                    "default.",
                    code="domain_in_use",
                )
            tx.domains.remove(account_id, domain.id)
            self._note(tx, account_id, actor, Action.DOMAIN_REMOVED, domain.host)

        await self._changed(remove)

    async def _changed(self, work: Callable[[Tx], T]) -> T:
        result = await self._store.write(work)
        await self._hosts.refresh()
        return result

    def _host(self, text: str) -> str:
        host = text.strip().lower().removesuffix(".")
        if not host:
            raise missing("domain")
        if (fault := host_fault(host, self._api_hosts)) is not None:
            raise InvalidInput(f"`domain` {fault}", code="invalid_domain", param="domain")
        return host

    def _note(self, tx: Tx, account_id: AccountId, actor: Actor, action: Action, host: str) -> None:
        tx.audit.add(account_id, actor, action, f"domain {host}", {}, self._now())


def _urls(rules: DestinationRules, host: str | None, **given: str | None) -> dict[str, str | None]:
    """Return the URLs that are given, each checked; an empty one is taken away."""
    values: dict[str, str | None] = {}
    for name, text in given.items():
        if text is None:
            continue
        if "{{" in text:
            problem = f"{name} has a macro, which nothing fills here"
            raise InvalidInput(problem, code="invalid_url", param=name)
        is_given = bool(text.strip())
        values[name] = destination_of(text, rules, name, own_host=host) if is_given else None
    return values


def _list_names(tx: Tx, account_id: AccountId) -> dict[int, list[str]]:
    named = tx.domains.lists(account_id)
    lists = tx.gate.lists_by_id({each for ids in named.values() for each in ids})
    return {
        domain_id: [lists[each].shown for each in ids if each in lists]
        for domain_id, ids in named.items()
    }


def _details(tx: Tx, account_id: AccountId, which: int | str) -> DomainDetails:
    domain = _owned(tx, account_id, which)
    return DomainDetails(domain, _list_names(tx, account_id).get(domain.id, ()))


def _own_lists(tx: Tx, account_id: AccountId, numbers: Sequence[PhoneNumber]) -> list[ListId]:
    """Return the ids of lists, each once. Raises `NotFound` with the place of one not there."""
    found: dict[PhoneNumber, ListId] = {}
    for at, number in enumerate(numbers):
        if number in found:
            continue
        try:
            found[number] = owned_list(tx, account_id, number).id
        except NotFound as error:
            raise NotFound(error.message, code=error.code, param=f"lists[{at}]") from None
    return list(found.values())


def _owned(tx: Tx, account_id: AccountId, which: int | str) -> TrackingDomain:
    if isinstance(which, int):
        found = tx.domains.by_id(account_id, which) if is_row_id(which) else None
    else:
        found = tx.domains.by_host(account_id, which.strip().lower().removesuffix("."))
    if found is None:
        raise _no_domain()
    return found


def _no_domain() -> NotFound:
    return NotFound("There is no such tracking domain, or it is not yours.")
