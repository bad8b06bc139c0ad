"""Connectors as an operator manages them: add, change, test, pause, remove, show.

A running server notices changed rows and opens or closes the carrier; this module does not contact
it. A connector belongs to the installation, and every account may use it, or to one account.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from sendrail.carriers.sdk import (
    WHOLE_CONNECTOR,
    Carrier,
    CarrierKind,
    ConnectorContext,
    HearsCallbacks,
    ProcessIndex,
    VendorCarrier,
)
from sendrail.clock import Clock
from sendrail.connectors.secret_box import SecretBox
from sendrail.connectors.settings import (
    Setting,
    checked,
    expect_of_vendor,
    masked,
    scrubbed,
    secrets_of,
    settings_of,
    typed,
)
from sendrail.contacts.inputs import name_of
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.errors import CarrierTrouble, Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.sender import Connector, ConnectorReport, ConnectorState, ReportedPace
from sendrail.domain.times import DAY_MS
from sendrail.storage.interface import Store, Tx

T = TypeVar("T")
Kinds = Callable[[], Mapping[str, Callable[[], CarrierKind]]]

WINDOW_DEFAULT: Final = 100
_WINDOW_MAX: Final = 100_000
# One message in some three hours: less is a pause.
_PACE_MIN: Final = 0.0001
_PACE_MAX: Final = 100_000.0
_CHECK_SECONDS: Final = 30.0
# A running server holds all of them open.
OWN_CONNECTORS_MAX: Final = 50
# How long what a process has found of a pace is taken for what is so: it says so again within it.
FOUND_PACE_MS: Final = 30_000
# A name stands in the address of its page, where the form of a new connector is `new`.
_NO_NAME: Final = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorCapacity:
    """The limits of a connector; None keeps the value, or the default for a new connector.

    A rate of 0 removes the limit.
    """

    window: int | None = None
    mps: float | None = None
    segments_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSummary:
    """A connector as it is shown: the only secret is the callback URL, which the carrier needs.

    `hears_callbacks` says whether its carrier's receipts and replies come by that URL. `paces` are
    those that processes have found while its carrier throttles it, none where it does not.
    """

    connector: Connector
    report: ConnectorReport
    paces: Sequence[ReportedPace]
    settings: Mapping[str, Any]
    callback_url: str
    old_url_until: int | None
    lists: int
    hears_callbacks: bool


@dataclass(frozen=True, slots=True)
class CarrierKindSummary:
    """An installed carrier kind; `trouble` is why it cannot be loaded.

    `vendor` is the vendor's name, empty where it has none. One that is `for_owners` may be
    connected by an account's owner, and not only by an operator.
    """

    name: str
    settings: Sequence[Setting] = ()
    trouble: str | None = None
    vendor: str = ""
    for_owners: bool = False


class ConnectorService:
    """The operations on connectors."""

    def __init__(
        self,
        store: Store,
        secret_box: SecretBox,
        kinds: Kinds,
        kind_of: Callable[[str], CarrierKind],
        *,
        clock: Clock,
        public_url: str,
        is_served: Callable[[], bool],
        given: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Serve; `given` are settings, by kind, that the installation adds to every connector."""
        self._store = store
        self._secret_box = secret_box
        self._kinds = kinds
        self._kind_of = kind_of
        self._clock = clock
        self._now = clock.now
        self._given = given or {}
        self._public_url = public_url
        self._is_served = is_served

    # Queries

    def kinds(self) -> list[CarrierKindSummary]:
        """Return the carrier kinds that are installed, with their settings."""
        cards = []
        for name, load in sorted(self._kinds().items()):
            try:
                kind = load()
                cards.append(
                    CarrierKindSummary(
                        name,
                        settings_of(kind.Settings),
                        vendor=getattr(kind, "vendor", ""),
                        for_owners=isinstance(kind, VendorCarrier),
                    )
                )
            except CarrierTrouble as trouble:
                cards.append(CarrierKindSummary(name, trouble=trouble.message))
        return cards

    async def all(self, account_id: AccountId) -> list[ConnectorSummary]:
        """Return the connectors the account can use."""

        def read(tx: Tx) -> list[ConnectorSummary]:
            reports, paces = tx.connectors.reports(), self._paces(tx)
            usable = tx.connectors.usable(account_id)
            return [
                self._card(tx, each, reports.get(each.id), paces.get(each.id, ()))
                for each in usable
            ]

        return await self._store.read(read)

    async def find(self, account_id: AccountId, name: str) -> ConnectorSummary:
        """Return one connector. Raise `NotFound`, also for another account's connector."""
        return await self._store.read(lambda tx: self._shown(tx, named(tx, account_id, name)))

    # Changes

    async def add(
        self,
        account_id: AccountId,
        kind: str,
        name: str,
        words: Mapping[str, str],
        contract: ConnectorCapacity,
        *,
        own: bool = False,
        by_owner: bool = False,
        actor: Actor = OURSELVES,
    ) -> ConnectorSummary:
        """Add a connector; with `own` it is the account's, and its lists can send once verified.

        With `by_owner` the account's owner adds it, who is a stranger to the installation: see
        `VendorCarrier`. Raise `CarrierTrouble` with the name of an unknown, missing or wrong
        setting.
        """
        assert own or not by_owner, "what an owner adds is the account's"
        struct = self._struct(kind)
        settings = typed(kind, words, struct)
        self._try(kind, name, settings)
        if by_owner:
            self._expect_for_owners(kind, settings)
        owner = account_id if own else None
        columns = _columns(contract)
        _expect_address(name_of(name))

        def write(tx: Tx) -> ConnectorSummary:
            if own:
                _expect_room(tx, account_id)
            if tx.connectors.find(owner, name_of(name)) is not None:
                raise Conflict(
                    f"There is a connector {name} already.", code="connector_exists", param="name"
                )
            connector_id = add_connector(
                tx, self._secret_box, owner, name_of(name), kind, settings, self._now()
            )
            tx.connectors.change(connector_id, reopen=False, **columns)
            self._note(tx, account_id, actor, Action.CONNECTOR_ADDED, name_of(name))
            return self._shown(tx, _of(tx, connector_id))

        return await self._write(write)

    async def change(
        self,
        account_id: AccountId,
        name: str,
        words: Mapping[str, str],
        contract: ConnectorCapacity,
        *,
        unset: Sequence[str] = (),
        by_owner: bool = False,
        actor: Actor = OURSELVES,
    ) -> ConnectorSummary:
        """Change settings or limits; after new credentials its lists must be verified again.

        `by_owner` is as in `add`.
        """
        columns = _columns(contract)

        def write(tx: Tx) -> ConnectorSummary:
            connector = named(tx, account_id, name)
            if words or unset:
                kept = self._secret_box.settings_of(connector)
                struct = self._struct(connector.kind)
                settings = kept | typed(connector.kind, words, struct)
                for each in unset:
                    if settings.pop(each, None) is None:
                        raise InvalidInput(f"The setting {each} is not set.", param=each)
                self._try(connector.kind, connector.name, settings)
                if by_owner:
                    self._expect_for_owners(connector.kind, settings)
                if settings != kept:
                    tx.verifications.void(connector.id)
                columns["settings"] = self._secret_box.seal_settings(connector.id, settings)
            tx.connectors.change(connector.id, reopen=True, **columns)
            # By their names: a setting may be a credential.
            said = sorted({*words, *unset, *columns} - {"settings"})
            changed = Action.CONNECTOR_CHANGED
            self._note(tx, account_id, actor, changed, connector.name, fields=said)
            return self._shown(tx, _of(tx, connector.id))

        return await self._write(write)

    async def pause(
        self, account_id: AccountId, name: str, actor: Actor = OURSELVES
    ) -> ConnectorSummary:
        """Stop submitting by a connector; its receipts and replies are still received."""
        return await self._pause(account_id, name, self._now(), actor)

    async def resume(
        self, account_id: AccountId, name: str, actor: Actor = OURSELVES
    ) -> ConnectorSummary:
        """Resume a paused connector."""
        return await self._pause(account_id, name, None, actor)

    async def rotate_url(
        self, account_id: AccountId, name: str, actor: Actor = OURSELVES
    ) -> ConnectorSummary:
        """Give a connector another callback URL; the old one is valid for one more day."""

        def write(tx: Tx) -> ConnectorSummary:
            connector = named(tx, account_id, name)
            self._secret_box.give_token(tx, connector.id, self._now() + DAY_MS)
            changed, said = Action.CONNECTOR_CHANGED, ["callback_url"]
            self._note(tx, account_id, actor, changed, connector.name, fields=said)
            return self._shown(tx, _of(tx, connector.id))

        return await self._write(write)

    async def remove(self, account_id: AccountId, name: str, actor: Actor = OURSELVES) -> Connector:
        """Remove a connector with its secrets. Raise `Conflict` while a list uses it."""

        def write(tx: Tx) -> Connector:
            connector = named(tx, account_id, name)
            if lists := tx.connectors.lists_of(connector.id):
                raise Conflict(
                    f"{lists} list(s) use {connector.name}. Give them another connector first: "
                    "`sendrail lists change LIST --connector NAME` (or --second-connector none).",
                    code="connector_in_use",
                )
            tx.connectors.remove(connector.id, self._now())
            self._note(tx, account_id, actor, Action.CONNECTOR_REMOVED, connector.name)
            return connector

        return await self._write(write)

    # Checks

    async def test(self, account_id: AccountId, name: str) -> str:
        """Try a connector's credentials; return the carrier's sentence on the result.

        Raise `CarrierTrouble` with the reason when they do not work. Sends no message, and does not
        affect a running server.
        """
        connector = await self._store.read(lambda tx: named(tx, account_id, name))
        return await self.check(connector)

    async def check(self, connector: Connector) -> str:
        """Try the credentials of a connector. Raise `CarrierTrouble` when they do not work."""
        carrier = self.carrier_of(connector)
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return self.masked(connector, await carrier.check())
        except CarrierTrouble as trouble:
            raise CarrierTrouble(self.masked(connector, trouble.message)) from None
        except TimeoutError:
            raise CarrierTrouble(
                f"{connector.kind} gave no answer within {_CHECK_SECONDS:.0f} s. Look at the "
                "address in the settings and at the network."
            ) from None
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            # Its message may hold anything, so only its name is shown.
            raise CarrierTrouble(
                f"The carrier {connector.kind} broke off with {type(error).__name__}."
            ) from None
        finally:
            await carrier.stop()

    def carrier_of(
        self,
        connector: Connector,
        sealed_token: bytes | None = None,
        part: ProcessIndex = WHOLE_CONNECTOR,
    ) -> Carrier:
        """Return the connector's carrier, not started; with `token` it gets its callback URL.

        Raise `CarrierTrouble` or `SetupError` when it cannot be made.
        """
        url = None
        if sealed_token is not None and self._public_url:
            url = self._callback_url(connector.id, sealed_token)
        context = ConnectorContext(
            name=connector.name, callback_url=url, clock=self._clock, part=part
        )
        settings = {
            **self._secret_box.settings_of(connector),
            **self._given.get(connector.kind, {}),
        }
        return self._kind_of(connector.kind)(settings, context)

    def public(self, path: str) -> str:
        """Return the public URL of a path; the path alone without a public address."""
        return f"{self._public_url.rstrip('/')}{path}"

    async def rows(self) -> list[tuple[Connector, bytes | None]]:
        """Return all connectors, each with its sealed callback token."""

        def read(tx: Tx) -> list[tuple[Connector, bytes | None]]:
            return [
                (connector, tx.connectors.token(connector.id).sealed)
                for connector in tx.connectors.all()
            ]

        return await self._store.read(read)

    def _callback_url(self, connector_id: ConnectorId, sealed_token: bytes) -> str:
        return self.public(f"/callbacks/{self._secret_box.token_of(connector_id, sealed_token)}")

    def masked(self, connector: Connector, text: str) -> str:
        """Return a carrier's text, with any secret of the connector masked."""
        settings = self._secret_box.settings_of(connector)
        return scrubbed(text, settings, secrets_of(self._struct(connector.kind)))

    def _try(self, kind: str, name: str, settings: dict[str, Any]) -> None:
        struct = self._struct(kind)
        checked(kind, settings, struct)
        self._kind_of(kind)(settings, ConnectorContext(name=name))

    def _expect_for_owners(self, kind: str, settings: dict[str, Any]) -> None:
        """Refuse what would lead a stranger into the installation's own network."""
        found = self._kind_of(kind)
        if not isinstance(found, VendorCarrier):
            raise CarrierTrouble(
                f"The settings of a {kind} connector are an operator's of the installation: they "
                "can lead anywhere. Ask one, or choose a vendor.",
                param="kind",
            )
        secret = secrets_of(found.Settings)
        # A secret may look like anything, and leads nowhere.
        open_ones = {name: value for name, value in settings.items() if name not in secret}
        expect_of_vendor(kind, open_ones, found.vendor_domain)

    def _struct(self, kind: str) -> type[msgspec.Struct]:
        return self._kind_of(kind).Settings

    async def _pause(
        self, account_id: AccountId, name: str, at: int | None, actor: Actor
    ) -> ConnectorSummary:
        def write(tx: Tx) -> ConnectorSummary:
            connector = named(tx, account_id, name)
            tx.connectors.change(connector.id, reopen=False, paused_at=at)
            changed = Action.CONNECTOR_CHANGED
            self._note(tx, account_id, actor, changed, connector.name, paused=at is not None)
            return self._shown(tx, _of(tx, connector.id))

        return await self._write(write)

    def _note(
        self,
        tx: Tx,
        account_id: AccountId,
        actor: Actor,
        action: Action,
        name: str,
        **details: object,
    ) -> None:
        tx.audit.add(account_id, actor, action, f"connector {name}", details, self._now())

    async def _write(self, work: Callable[[Tx], T]) -> T:
        result = await self._store.write(work)
        self._store.hints.connectors_changed()
        return result

    def _shown(self, tx: Tx, connector: Connector) -> ConnectorSummary:
        report = tx.connectors.reports().get(connector.id)
        return self._card(tx, connector, report, self._paces(tx).get(connector.id, ()))

    def _paces(self, tx: Tx) -> Mapping[ConnectorId, Sequence[ReportedPace]]:
        return tx.connectors.paces(self._now() - FOUND_PACE_MS) if self._is_served() else {}

    def _card(
        self,
        tx: Tx,
        connector: Connector,
        report: ConnectorReport | None,
        paces: Sequence[ReportedPace],
    ) -> ConnectorSummary:
        struct, hears = None, True
        try:
            kind = self._kind_of(connector.kind)
            struct, hears = kind.Settings, hasattr(kind, HearsCallbacks.read_callback.__name__)
        except CarrierTrouble:
            # Its package is not installed: nothing is known of it.
            pass
        sealed, old_until = tx.connectors.token(connector.id)
        assert sealed is not None, "every connector that is not removed has a token"
        return ConnectorSummary(
            connector=connector,
            report=self._report(connector, report),
            paces=paces,
            settings=masked(self._secret_box.settings_of(connector), struct),
            callback_url=self._callback_url(connector.id, sealed),
            old_url_until=old_until if old_until and old_until > self._now() else None,
            lists=tx.connectors.lists_of(connector.id),
            hears_callbacks=hears,
        )

    def _report(self, connector: Connector, report: ConnectorReport | None) -> ConnectorReport:
        if connector.paused_at is not None:
            return ConnectorReport(state=ConnectorState.PAUSED, since=connector.paused_at)
        if not self._is_served():
            return ConnectorReport(state=ConnectorState.CLOSED, detail="no server is running")
        return report or ConnectorReport(
            state=ConnectorState.CLOSED, detail="the server opens it in a moment"
        )


def add_connector(  # noqa: PLR0917 - a row's columns
    tx: Tx,
    secret_box: SecretBox,
    account_id: AccountId | None,
    name: str,
    kind: str,
    settings: dict[str, Any],
    now: int,
    window: int = WINDOW_DEFAULT,
) -> ConnectorId:
    """Add a connector's row, with sealed settings and a callback token."""
    # The seal is bound to the row's id, which the database assigns on insert.
    connector_id = tx.connectors.add(account_id, name, kind, b"", window, None)
    tx.connectors.change(
        connector_id, reopen=False, settings=secret_box.seal_settings(connector_id, settings)
    )
    secret_box.give_token(tx, connector_id, now)
    return connector_id


def named(tx: Tx, account_id: AccountId, name: str) -> Connector:
    """Return the account's own connector of a name, else the installation's.

    Raise `NotFound` where neither exists; another account's connector counts as none.
    """
    found = tx.connectors.find(account_id, name) or tx.connectors.find(None, name)
    if found is None:
        raise NotFound(
            f"There is no connector {name}; `sendrail connectors list` lists them.",
            code="connector_not_found",
            param="name",
        )
    return found


def _expect_address(name: str) -> None:
    if "/" in name or name == _NO_NAME:
        raise InvalidInput(
            f"A connector's name stands in its page's address: it has no / and is not {_NO_NAME}.",
            code="invalid_name",
            param="name",
        )


def _expect_room(tx: Tx, account_id: AccountId) -> None:
    own = [each for each in tx.connectors.usable(account_id) if each.account_id is not None]
    if len(own) >= OWN_CONNECTORS_MAX:
        raise Conflict(
            f"An account has at most {OWN_CONNECTORS_MAX} connectors of its own. Remove one that "
            "no list uses.",
            code="too_many_connectors",
        )


def _of(tx: Tx, connector_id: ConnectorId) -> Connector:
    connector = tx.connectors.by_id(connector_id)
    assert connector is not None, "the row was found or written just before"
    return connector


def _columns(contract: ConnectorCapacity) -> dict[str, Any]:
    """Return the columns that a contract changes. Raise `InvalidInput` for figures out of range."""
    columns: dict[str, Any] = {}
    if contract.window is not None:
        if not 1 <= contract.window <= _WINDOW_MAX:
            raise InvalidInput(f"A window is 1 to {_WINDOW_MAX:,} messages.", param="window")
        columns["window"] = contract.window
    for name in ("mps", "segments_per_second"):
        pace = getattr(contract, name)
        if pace is None:
            continue
        if not (pace == 0 or _PACE_MIN <= pace <= _PACE_MAX):
            raise InvalidInput(
                f"{name} is {_PACE_MIN} to {_PACE_MAX:,.0f} a second; 0 takes the bound away.",
                param=name,
            )
        columns[name] = pace or None
    return columns
