"""The services of this room, as a process has them."""

from dataclasses import dataclass

from sendrail.tracking.clicks import ClickService
from sendrail.tracking.conversions import ConversionService
from sendrail.tracking.domains import DomainService
from sendrail.tracking.history import HistoryService
from sendrail.tracking.history_files import HistoryFileService
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.link_settings import LinkSettingsService
from sendrail.tracking.offers import OfferService
from sendrail.tracking.peers import PeerAddresses
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.postback_settings import PostbackSettingsService
from sendrail.tracking.postbacks import PostbackService
from sendrail.tracking.reclassifying import ReclassificationService
from sendrail.tracking.redirect import RedirectService
from sendrail.tracking.short_links import ShortLinkService
from sendrail.tracking.verifying import DomainProofs, DomainVerifier


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingServices:
    """What API, command line and workers are given of links and what they earn."""

    offers: OfferService
    postback_secrets: PostbackSecrets
    conversions: ConversionService
    clicks: ClickService
    reclassification: ReclassificationService
    postbacks: PostbackService
    postback_settings: PostbackSettingsService
    history: HistoryService
    history_files: HistoryFileService
    short_links: ShortLinkService
    domains: DomainService
    link_settings: LinkSettingsService
    hosts: TrackingHosts
    peers: PeerAddresses
    redirects: RedirectService
    proofs: DomainProofs
    verifier: DomainVerifier
