"""One transaction on PostgreSQL: every set of statements on one connection."""

from functools import cached_property

from sqlalchemy import Connection

from sendrail.domain.erasure import Pseudonyms
from sendrail.storage.campaigns.run_members import RunMembers
from sendrail.storage.campaigns.run_pages import RunPages
from sendrail.storage.contacts.audience_members import AudienceMembers
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.contacts.signups import SignUps
from sendrail.storage.interface import Hints, Tx
from sendrail.storage.journeys.facts import JourneyFacts
from sendrail.storage.pipeline.cohort_counts import CohortCounts
from sendrail.storage.pipeline.destinations import Destinations
from sendrail.storage.pipeline.leases import Leases
from sendrail.storage.pipeline.origins import Origins
from sendrail.storage.pipeline.replies import Replies
from sendrail.storage.pipeline.soft_bounces import SoftBounces
from sendrail.storage.postgres import (
    agents,
    click_details,
    clicks,
    cohort_counts,
    conversions,
    destinations,
    distributed,
    enrolments,
    gate,
    history,
    imported,
    inbox,
    journey_facts,
    leases,
    message_clicks,
    messages,
    origins,
    outbox,
    queue,
    reclassification,
    replies,
    run_pages,
    signup_counts,
)
from sendrail.storage.postgres.activity import PostgresActivity
from sendrail.storage.postgres.click_details import PostgresClickDetails
from sendrail.storage.postgres.click_log import PostgresClickLog
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.endpoints import PostgresEndpoints
from sendrail.storage.postgres.enrolments import PostgresEnrolments
from sendrail.storage.postgres.erased import PostgresErasedNumbers
from sendrail.storage.postgres.erasure import PostgresErasure
from sendrail.storage.postgres.figures import PostgresMessageFigures
from sendrail.storage.postgres.idempotency import PostgresIdempotency
from sendrail.storage.postgres.link_ranges import LinkRanges
from sendrail.storage.postgres.lookup import PostgresMessageLookUp
from sendrail.storage.postgres.message_clicks import PostgresMessageClicks
from sendrail.storage.postgres.origin_counts import PostgresOriginCounts
from sendrail.storage.postgres.reclassification import PostgresReclassification
from sendrail.storage.row_batches import note_spread
from sendrail.storage.tracking.agents import Agents
from sendrail.storage.tracking.clicks import Clicks
from sendrail.storage.tracking.conversions import Conversions
from sendrail.storage.tracking.history import ImportedHistory


class PostgresTx(Tx):
    """One transaction on one connection; the same object serves each transaction in turn."""

    driver: PostgresDriver

    def __init__(
        self, core: Connection, driver: PostgresDriver, pseudonyms: Pseudonyms, hints: Hints
    ) -> None:
        super().__init__(core, pseudonyms)
        if driver.is_spread:
            note_spread(core)
        self.driver = driver
        self.idempotency = PostgresIdempotency(driver)
        self.clicks = Clicks(driver, clicks.TEXTS)
        self.agents = Agents(driver, agents.TEXTS)
        self.click_details = PostgresClickDetails(driver, click_details.TEXTS)
        self.message_clicks = PostgresMessageClicks(driver, message_clicks.TEXTS)
        self.destinations = Destinations(driver, destinations.TEXTS)
        self.origins = Origins(driver, origins.TEXTS)
        counts = self.origin_counts = PostgresOriginCounts(driver)
        self.cohort_counts = CohortCounts(driver, cohort_counts.TEXTS, counts.shard)
        self.signup_counts = SignUpCounts(driver, signup_counts.TEXTS, counts.shard)
        self.run_pages = RunPages(driver, run_pages.TEXTS)
        kind = distributed.DistributedOutbox if driver.is_spread else outbox.PostgresOutbox
        self.outbox = kind(driver, outbox.TEXTS, hints.outbox_has, self._ended)
        self.queue = queue.PostgresQueue(driver, queue.TEXTS, self.outbox, counts)
        self.leases = Leases(driver, leases.TEXTS)
        self.spans = leases.Spans(driver)
        self.processes = leases.Processes(driver)
        self.connector_paces = leases.ConnectorPaces(driver)
        self.link_ranges = LinkRanges(driver)
        self.replies = Replies(driver, replies.TEXTS, self.outbox)
        self.enrolments = PostgresEnrolments(driver, enrolments.TEXTS)
        self.journey_facts = JourneyFacts(driver, journey_facts.TEXTS)
        self.activity = PostgresActivity(driver, self.cohort_counts)
        if driver.is_spread:
            self.gate = distributed.DistributedGate(driver, gate.TEXTS, pseudonyms)
            self.messages = self.cluster = distributed.DistributedMessages(driver)
            self.inbox = distributed.DistributedInbox(driver, inbox.TEXTS, self.outbox, counts)
            self.soft_bounces: SoftBounces = distributed.DistributedSoftBounces(
                driver, replies.SOFT_BOUNCES
            )
        else:
            self.gate = gate.PostgresGate(driver, gate.TEXTS, pseudonyms)
            self.messages = self.cluster = messages.PostgresMessages(driver)
            self.inbox = inbox.PostgresInbox(driver, inbox.TEXTS, self.outbox, counts)
            self.soft_bounces = SoftBounces(driver, replies.SOFT_BOUNCES)
        self.passages = self._passages(hints)

    history = cached_property(lambda tx: ImportedHistory(tx.core, tx.driver, history.TEXTS))
    reclassification = cached_property(
        lambda tx: PostgresReclassification(tx.core, tx.driver, reclassification.TEXTS)
    )
    conversions = cached_property(
        lambda tx: Conversions(tx.core, tx.lookup, tx.driver, conversions.TEXTS)
    )

    def begin(self) -> None:
        self.driver.begin()

    signups = cached_property(
        lambda tx: (distributed.DistributedSignUps if tx.driver.is_spread else SignUps)(
            tx.core, tx.signup_counts
        )
    )
    erased = cached_property(lambda tx: PostgresErasedNumbers(tx.core, tx.pseudonyms, tx.driver))
    imported = cached_property(
        lambda tx: imported.PostgresImported(tx.core, tx.driver, tx.erased, tx.signup_counts)
    )
    erasure = cached_property(lambda tx: PostgresErasure(tx.core, tx.erased, tx.signup_counts))
    endpoints = cached_property(lambda tx: PostgresEndpoints(tx.core))
    click_log = cached_property(lambda tx: PostgresClickLog(tx.core))
    audience_members = cached_property(
        lambda tx: AudienceMembers(tx.core, is_spread=tx.driver.is_spread)
    )
    run_members = cached_property(lambda tx: RunMembers(tx.core, is_spread=tx.driver.is_spread))
    lookup = cached_property(lambda tx: PostgresMessageLookUp(tx.core))
    figures = cached_property(lambda tx: PostgresMessageFigures(tx.core))
