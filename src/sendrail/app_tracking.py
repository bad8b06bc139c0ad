"""The services of links and clicks, made from the settings and the data folder."""

from collections.abc import Callable
from dataclasses import dataclass

from sendrail.addresses import api_hosts, sandbox_url
from sendrail.clock import Clock
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.destinations import DestinationRules, hosts_of
from sendrail.domain.ids import MessageIds
from sendrail.domain.page_tokens import PageTokens
from sendrail.domain.short_ids import ShortIds
from sendrail.links.domains import TrackingDomains
from sendrail.links.networks import NetworkKinds
from sendrail.links.ranges import RangeSlots
from sendrail.links.slots import ArithmeticSlots, LinkSlots
from sendrail.links.texts import LinkTexts
from sendrail.settings import Settings
from sendrail.storage.data_folder import Folder
from sendrail.storage.interface import Store
from sendrail.storage.sealing import KEY_BYTES
from sendrail.telemetry import Metrics
from sendrail.tracking.clicks import ClickService
from sendrail.tracking.conversions import ConversionService
from sendrail.tracking.destinations import DestinationReader
from sendrail.tracking.domains import DomainService
from sendrail.tracking.finding import LinkFinder
from sendrail.tracking.history import HistoryService
from sendrail.tracking.history_files import HistoryFileService
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.judging import ClickJudge
from sendrail.tracking.link_settings import LinkSettingsService
from sendrail.tracking.links import LinkReader
from sendrail.tracking.misses import Misses
from sendrail.tracking.offers import OfferService
from sendrail.tracking.peers import PeerAddresses
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.postback_settings import PostbackSettingsService
from sendrail.tracking.postbacks import PostbackService
from sendrail.tracking.reclassifying import ReclassificationService
from sendrail.tracking.redirect import RedirectService
from sendrail.tracking.services import TrackingServices
from sendrail.tracking.short_links import ShortLinkService
from sendrail.tracking.verifying import DomainProofs, DomainVerifier
from sendrail.tracking.visitors import AddressScope, Visitors
from sendrail.webhooks.poster import Poster


@dataclass(frozen=True, slots=True)
class LinkParts:
    """What texts with links and the clicks on them have in common."""

    hosts: TrackingHosts
    slots: LinkSlots
    short_ids: ShortIds
    texts: LinkTexts
    destinations: DestinationRules


async def link_parts(settings: Settings, folder: Folder, store: Store) -> LinkParts:
    """Return the parts, with the tracking domains as they are now."""
    hosts = TrackingHosts(store, TrackingDomains(sandbox_url(settings, settings.port)))
    # Commands need them, too: no destination may be one of them.
    await hosts.refresh()
    slots = RangeSlots() if settings.database_url else ArithmeticSlots()
    short_ids = ShortIds(folder.key("short-id"))
    rules = DestinationRules(own=hosts.by_host.keys(), denied=hosts_of(settings.click_deny_hosts))
    return LinkParts(hosts, slots, short_ids, LinkTexts(short_ids, slots, hosts.domains), rules)


def tracking_services(  # noqa: PLR0917 - what the services are made of
    settings: Settings,
    folder: Folder,
    store: Store,
    poster: Poster,
    ids: MessageIds,
    parts: LinkParts,
    metrics: Metrics,
    clock: Clock,
) -> TrackingServices:
    """Return the services of links, clicks and conversions."""
    hosts, short_ids, slots = parts.hosts, parts.short_ids, parts.slots
    history = HistoryService(store, clock.now)
    proofs = DomainProofs(folder.key("tracking-domains", KEY_BYTES))
    verifier = DomainVerifier(store, poster, proofs, clock.now)
    click_ids = ClickIds(folder.key("click-id"))
    links = LinkReader(short_ids, click_ids, slots)
    postback_secrets = PostbackSecrets(folder.key("postback-secrets", KEY_BYTES))
    return TrackingServices(
        offers=OfferService(store, postback_secrets, clock.now, parts.destinations),
        postback_secrets=postback_secrets,
        conversions=ConversionService(store, ids, links, clock.now),
        clicks=ClickService(store, ids),
        reclassification=_reclassification(settings, store, clock),
        postback_settings=PostbackSettingsService(store, postback_secrets, clock.now),
        postbacks=PostbackService(store, ids, links, postback_secrets, clock.now),
        history=history,
        history_files=HistoryFileService(store, history, clock.now, is_served(settings, folder)),
        domains=DomainService(
            store,
            hosts,
            verifier,
            parts.destinations,
            api_hosts=api_hosts(settings),
            now=clock.now,
        ),
        link_settings=LinkSettingsService(store, hosts, clock.now),
        hosts=hosts,
        peers=PeerAddresses(settings.trusted_proxies),
        redirects=_redirects(
            settings,
            folder,
            store,
            LinkFinder(short_ids, slots, DestinationReader(clock.now)),
            _click_judge(folder, ids, click_ids, hosts),
            metrics,
            clock,
        ),
        short_links=ShortLinkService(
            store, short_ids, hosts.domains, parts.destinations, clock.now
        ),
        proofs=proofs,
        verifier=verifier,
    )


def _click_judge(
    folder: Folder, ids: MessageIds, click_ids: ClickIds, hosts: TrackingHosts
) -> ClickJudge:
    tokens = PageTokens(folder.key("page-tokens"))
    return ClickJudge(ids, click_ids, tokens, hosts.settings_of, hosts.by_host.keys())


def _redirects(  # noqa: PLR0917 - what the service is made of
    settings: Settings,
    folder: Folder,
    store: Store,
    finder: LinkFinder,
    judge: ClickJudge,
    metrics: Metrics,
    clock: Clock,
) -> RedirectService:
    return RedirectService(
        # On a shared database clicks wait for no request of the API, and none of those for clicks.
        store.beside() if settings.database_url else store,
        finder,
        judge,
        visitors=_visitors(settings, folder),
        misses=Misses(clock.monotonic),
        metrics=metrics,
        now=clock.now,
        waiting_max=settings.waiting_max,
    )


def _visitors(settings: Settings, folder: Folder) -> Visitors:
    scope = AddressScope(settings.click_addresses)
    return Visitors(folder.key("click-address"), _networks(settings), scope)


def _networks(settings: Settings) -> NetworkKinds:
    return NetworkKinds(settings.click_machine_networks, settings.click_people_networks)


def _reclassification(settings: Settings, store: Store, clock: Clock) -> ReclassificationService:
    return ReclassificationService(
        store.beside(),
        _networks(settings),
        clock.now,
        burst_messages_max=settings.click_burst_messages_max,
        rules=f"{settings.click_machine_networks} | {settings.click_people_networks}",
    )


def is_served(settings: Settings, folder: Folder) -> Callable[[], bool]:
    """Return a check whether a server works on the store; a shared one always has some."""
    return (lambda: True) if settings.database_url else folder.is_served
