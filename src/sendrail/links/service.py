"""Links as an operator manages them: add, change, test, pause, remove, and what is told of them.

A running server finds the change in the rows and opens or closes the carrier; nothing here talks to
it. A link is the installation's, which every account may use, or one account's own.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from sendrail.carriers.sdk import WHOLE_LINK, Carrier, CarrierKind, LinkContext, Part
from sendrail.clock import Clock
from sendrail.domain.errors import CarrierTrouble, Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, LinkId
from sendrail.domain.sender import Link, LinkReport, LinkState
from sendrail.links.settings import (
    Setting,
    checked,
    masked,
    scrubbed,
    secrets_of,
    settings_of,
    typed,
)
from sendrail.links.vault import Vault
from sendrail.marketing.inputs import name_of
from sendrail.storage.interface import Store, Tx

T = TypeVar("T")
Kinds = Callable[[], Mapping[str, Callable[[], CarrierKind]]]

WINDOW_DEFAULT: Final = 100
_WINDOW_MAX: Final = 100_000
_PACE_MAX: Final = 100_000.0
_CHECK_SECONDS: Final = 30.0
_DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a link can take; None leaves it as it is, or at its default for a new link.

    A pace of 0 takes the bound away.
    """

    window: int | None = None
    mps: float | None = None
    segments_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCard:
    """A link as it is shown: no secret but the callback URL, which the carrier must be told."""

    link: Link
    report: LinkReport
    settings: Mapping[str, Any]
    callback_url: str
    old_url_until: int | None
    lists: int


@dataclass(frozen=True, slots=True)
class KindCard:
    """A carrier kind that is installed; `trouble` is why it cannot be loaded."""

    name: str
    settings: Sequence[Setting] = ()
    trouble: str | None = None


class LinkService:
    """What can be done with links."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        kinds: Kinds,
        kind_of: Callable[[str], CarrierKind],
        *,
        clock: Clock,
        public_url: str,
        is_served: Callable[[], bool],
        given: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Serve; `given` are settings by kind that the installation adds to every link's own."""
        self._store = store
        self._vault = vault
        self._kinds = kinds
        self._kind_of = kind_of
        self._clock = clock
        self._now = clock.now
        self._given = given or {}
        self._public_url = public_url
        self._is_served = is_served

    # Looking

    def kinds(self) -> list[KindCard]:
        """Return the carrier kinds that are installed, with their settings."""
        cards = []
        for name, load in sorted(self._kinds().items()):
            try:
                cards.append(KindCard(name, settings_of(load().Settings)))
            except CarrierTrouble as trouble:
                cards.append(KindCard(name, trouble=trouble.message))
        return cards

    async def all(self, account_id: AccountId) -> list[LinkCard]:
        """Return the links the account can use."""

        def read(tx: Tx) -> list[LinkCard]:
            return [self._card(tx, link) for link in usable(tx, account_id)]

        return await self._store.read(read)

    async def find(self, account_id: AccountId, name: str) -> LinkCard:
        """Return one link. Raises `NotFound`, the same for another account's."""
        return await self._store.read(lambda tx: self._card(tx, named(tx, account_id, name)))

    # Changing

    async def add(
        self,
        account_id: AccountId,
        kind: str,
        name: str,
        words: Mapping[str, str],
        contract: Contract,
        *,
        own: bool = False,
    ) -> LinkCard:
        """Add a link; `own` makes it the account's, whose lists must be verified before they send.

        Raises `CarrierTrouble` that names the setting which is unknown, missing or wrong.
        """
        struct = self._struct(kind)
        settings = typed(kind, words, struct)
        self._try(kind, name, settings)
        owner = account_id if own else None
        columns = _columns(contract)

        def write(tx: Tx) -> LinkCard:
            if tx.links.find(owner, name_of(name)) is not None:
                raise Conflict(f"There is a link {name} already.", code="link_exists", param="name")
            link_id = add_link(tx, self._vault, owner, name_of(name), kind, settings, self._now())
            tx.links.change(link_id, reopen=False, **columns)
            return self._card(tx, _of(tx, link_id))

        return await self._write(write)

    async def change(
        self,
        account_id: AccountId,
        name: str,
        words: Mapping[str, str],
        contract: Contract,
        *,
        unset: Sequence[str] = (),
    ) -> LinkCard:
        """Change settings or the contract; new credentials make its lists unverified again."""
        columns = _columns(contract)

        def write(tx: Tx) -> LinkCard:
            link = named(tx, account_id, name)
            if words or unset:
                kept = self._vault.settings_of(link)
                struct = self._struct(link.kind)
                settings = kept | typed(link.kind, words, struct)
                for each in unset:
                    if settings.pop(each, None) is None:
                        raise InvalidInput(f"The setting {each} is not set.", param=each)
                self._try(link.kind, link.name, settings)
                if settings != kept:
                    tx.verifications.void(link.id)
                columns["settings"] = self._vault.seal_settings(link.id, settings)
            tx.links.change(link.id, reopen=True, **columns)
            return self._card(tx, _of(tx, link.id))

        return await self._write(write)

    async def pause(self, account_id: AccountId, name: str) -> LinkCard:
        """Hand nothing over by a link; its receipts and replies are still heard."""
        return await self._set(account_id, name, paused_at=self._now())

    async def resume(self, account_id: AccountId, name: str) -> LinkCard:
        """Let a paused link work again."""
        return await self._set(account_id, name, paused_at=None)

    async def rotate_url(self, account_id: AccountId, name: str) -> LinkCard:
        """Give a link another callback URL; the old one is honoured for a day."""

        def write(tx: Tx) -> LinkCard:
            link = named(tx, account_id, name)
            self._vault.give_token(tx, link.id, self._now() + _DAY_MS)
            return self._card(tx, _of(tx, link.id))

        return await self._write(write)

    async def remove(self, account_id: AccountId, name: str) -> Link:
        """Remove a link with its secrets. Raises `Conflict` while a list goes by it."""

        def write(tx: Tx) -> Link:
            link = named(tx, account_id, name)
            if lists := tx.links.lists_of(link.id):
                raise Conflict(
                    f"{lists} list(s) go by {link.name}. Give them another link first: "
                    "`sendrail lists change LIST --link NAME` (or --second-link none).",
                    code="link_in_use",
                )
            tx.links.remove(link.id, self._now())
            return link

        return await self._write(write)

    # Trying

    async def test(self, account_id: AccountId, name: str) -> str:
        """Try a link's credentials; return what the carrier says.

        Raises `CarrierTrouble` with what is wrong; nothing is sent, and a running server does not
        notice.
        """
        link = await self._store.read(lambda tx: named(tx, account_id, name))
        return await self.check(link)

    async def check(self, link: Link) -> str:
        """Try the credentials of a link that was found already. Raises `CarrierTrouble`."""
        carrier = self.carrier_of(link)
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return self.told(link, await carrier.check())
        except CarrierTrouble as trouble:
            raise CarrierTrouble(self.told(link, trouble.message)) from None
        except TimeoutError:
            raise CarrierTrouble(
                f"{link.kind} gave no answer within {_CHECK_SECONDS:.0f} s. Look at the address in "
                "the settings and at the network."
            ) from None
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            # What it says may hold anything, so only its name is told.
            raise CarrierTrouble(
                f"The carrier {link.kind} broke off with {type(error).__name__}."
            ) from None
        finally:
            await carrier.stop()

    def carrier_of(
        self,
        link: Link,
        sealed_token: bytes | None = None,
        part: Part = WHOLE_LINK,
    ) -> Carrier:
        """Return the link's carrier, not started; with its token it knows its callback URL.

        Raises `CarrierTrouble` or `SetupError` when it cannot be made.
        """
        url = None
        if sealed_token is not None and self._public_url:
            url = self._callback_url(link.id, sealed_token)
        context = LinkContext(name=link.name, callback_url=url, clock=self._clock, part=part)
        settings = {**self._vault.settings_of(link), **self._given.get(link.kind, {})}
        return self._kind_of(link.kind)(settings, context)

    def public(self, path: str) -> str:
        """Return the public URL of a path; the path alone while there is no public address."""
        return f"{self._public_url.rstrip('/')}{path}"

    async def rows(self) -> list[tuple[Link, bytes | None]]:
        """Return every link, each with its sealed callback token."""

        def read(tx: Tx) -> list[tuple[Link, bytes | None]]:
            return [(link, tx.links.token(link.id).sealed) for link in tx.links.all()]

        return await self._store.read(read)

    def _callback_url(self, link_id: LinkId, sealed_token: bytes) -> str:
        return self.public(f"/callbacks/{self._vault.token_of(link_id, sealed_token)}")

    def told(self, link: Link, text: str) -> str:
        """Return a carrier's words without the link's secrets, should they repeat one."""
        settings = self._vault.settings_of(link)
        return scrubbed(text, settings, secrets_of(self._struct(link.kind)))

    def _try(self, kind: str, name: str, settings: dict[str, Any]) -> None:
        struct = self._struct(kind)
        checked(kind, settings, struct)
        self._kind_of(kind)(settings, LinkContext(name=name))

    def _struct(self, kind: str) -> type[msgspec.Struct]:
        return self._kind_of(kind).Settings

    async def _set(self, account_id: AccountId, name: str, **values: Any) -> LinkCard:
        def write(tx: Tx) -> LinkCard:
            link = named(tx, account_id, name)
            tx.links.change(link.id, reopen=False, **values)
            return self._card(tx, _of(tx, link.id))

        return await self._write(write)

    async def _write(self, work: Callable[[Tx], T]) -> T:
        result = await self._store.write(work)
        self._store.hints.links_changed()
        return result

    def _card(self, tx: Tx, link: Link) -> LinkCard:
        try:
            struct: type[msgspec.Struct] | None = self._struct(link.kind)
        except CarrierTrouble:
            struct = None
        sealed, old_until = tx.links.token(link.id)
        assert sealed is not None, "every link that is not removed has a token"
        return LinkCard(
            link=link,
            report=self._report(link, tx.links.reports().get(link.id)),
            settings=masked(self._vault.settings_of(link), struct),
            callback_url=self._callback_url(link.id, sealed),
            old_url_until=old_until if old_until and old_until > self._now() else None,
            lists=tx.links.lists_of(link.id),
        )

    def _report(self, link: Link, report: LinkReport | None) -> LinkReport:
        if link.paused_at is not None:
            return LinkReport(state=LinkState.PAUSED, since=link.paused_at)
        if not self._is_served():
            return LinkReport(state=LinkState.CLOSED, detail="no server is running")
        return report or LinkReport(
            state=LinkState.CLOSED, detail="the server opens it in a moment"
        )


def add_link(  # noqa: PLR0917 - a row's columns
    tx: Tx,
    vault: Vault,
    account_id: AccountId | None,
    name: str,
    kind: str,
    settings: dict[str, Any],
    now: int,
    window: int = WINDOW_DEFAULT,
) -> LinkId:
    """Add a link's row, its settings sealed, with a callback token of its own."""
    # The seal is bound to the row's id, which the database has yet to choose.
    link_id = tx.links.add(account_id, name, kind, b"", window, None)
    tx.links.change(link_id, reopen=False, settings=vault.seal_settings(link_id, settings))
    vault.give_token(tx, link_id, now)
    return link_id


def usable(tx: Tx, account_id: AccountId) -> list[Link]:
    """Return the links an account can use: its own and the installation's."""
    return [link for link in tx.links.all() if link.account_id in {None, account_id}]


def named(tx: Tx, account_id: AccountId, name: str) -> Link:
    """Return the account's own link of a name, else the installation's.

    Raises `NotFound`: another account's link looks like no link.
    """
    found = tx.links.find(account_id, name) or tx.links.find(None, name)
    if found is None:
        raise NotFound(
            f"There is no link {name}; `sendrail links list` names them.",
            code="link_not_found",
            param="name",
        )
    return found


def _of(tx: Tx, link_id: LinkId) -> Link:
    link = tx.links.by_id(link_id)
    assert link is not None, "the row was found or written a moment ago"
    return link


def _columns(contract: Contract) -> dict[str, Any]:
    """Return the columns a contract changes, when its figures make sense."""
    columns: dict[str, Any] = {}
    if contract.window is not None:
        if not 1 <= contract.window <= _WINDOW_MAX:
            raise InvalidInput(f"A window is 1 to {_WINDOW_MAX:,} messages.", param="window")
        columns["window"] = contract.window
    for name in ("mps", "segments_per_second"):
        pace = getattr(contract, name)
        if pace is None:
            continue
        if not 0 <= pace <= _PACE_MAX:
            raise InvalidInput(
                f"{name} is at most {_PACE_MAX:,.0f} a second; 0 takes the bound away.", param=name
            )
        columns[name] = pace or None
    return columns
