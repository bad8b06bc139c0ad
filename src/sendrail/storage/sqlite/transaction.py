"""One transaction on SQLite: every set of statements on one connection."""

import sqlite3
from functools import cache, cached_property
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, StaticPool, create_engine
from sqlalchemy.util import LRUCache

from sendrail.domain.erasure import Pseudonyms
from sendrail.storage.campaigns.run_pages import RunPages
from sendrail.storage.contacts.imported import Imported
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.interface import Hints, Tx
from sendrail.storage.journeys.facts import JourneyFacts
from sendrail.storage.pipeline.cohort_counts import CohortCounts
from sendrail.storage.pipeline.destinations import Destinations
from sendrail.storage.pipeline.leases import Leases
from sendrail.storage.pipeline.origin_counts import OriginCounts
from sendrail.storage.pipeline.origins import Origins
from sendrail.storage.pipeline.replies import Replies
from sendrail.storage.pipeline.soft_bounces import SoftBounces
from sendrail.storage.sqlite import (
    agents,
    click_details,
    clicks,
    cohort_counts,
    conversions,
    destinations,
    enrolments,
    gate,
    history,
    idempotency,
    imported,
    inbox,
    journey_facts,
    leases,
    message_clicks,
    origin_counts,
    origins,
    outbox,
    queue,
    reclassification,
    replies,
    run_pages,
    signup_counts,
)
from sendrail.storage.sqlite.activity import SqliteActivity
from sendrail.storage.sqlite.click_details import SqliteClickDetails
from sendrail.storage.sqlite.driver import SqliteDriver
from sendrail.storage.sqlite.enrolments import SqliteEnrolments
from sendrail.storage.sqlite.message_clicks import SqliteMessageClicks
from sendrail.storage.sqlite.messages import SqliteMessages
from sendrail.storage.sqlite.reclassification import SqliteReclassification
from sendrail.storage.tracking.agents import Agents
from sendrail.storage.tracking.conversions import Conversions
from sendrail.storage.tracking.history import ImportedHistory

# To compile a statement takes SQLAlchemy longer than to run it: it is done once for a process, not
# once for its writer and again for each of its readers.
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(500)


@cache
def _model() -> Engine:
    """Return an engine that has met SQLite; its dialect serves every connection."""
    # AUTOCOMMIT: the store begins and ends transactions itself, on the driver.
    engine = create_engine("sqlite://", isolation_level="AUTOCOMMIT")
    with engine.connect():
        pass
    engine.dispose()
    return engine


def _core_on(raw: sqlite3.Connection) -> Connection:
    """Return SQLAlchemy's connection over one of ours."""
    model = _model()
    pool = StaticPool(cast("Any", lambda: raw), dialect=model.dialect, reset_on_return=None)
    options = {"compiled_cache": _COMPILED}
    return Engine(pool, model.dialect, model.url, execution_options=options).connect()


class SqliteTx(Tx):
    """One transaction on one connection; the same object serves each transaction in turn."""

    driver: SqliteDriver

    def __init__(
        self, connection: sqlite3.Connection, pseudonyms: Pseudonyms, hints: Hints
    ) -> None:
        super().__init__(_core_on(connection), pseudonyms)
        self._raw = connection
        driver = self.driver = SqliteDriver(connection)
        self.gate = gate.SqliteGate(driver, gate.TEXTS, pseudonyms)
        self.idempotency = idempotency.SqliteIdempotency(driver, idempotency.TEXTS)
        self.clicks = clicks.SqliteClicks(driver, clicks.TEXTS)
        self.agents = Agents(driver, agents.TEXTS)
        self.click_details = SqliteClickDetails(driver, click_details.TEXTS)
        self.message_clicks = SqliteMessageClicks(driver, message_clicks.TEXTS)
        self.destinations = Destinations(driver, destinations.TEXTS)
        self.origins = Origins(driver, origins.TEXTS)
        self.run_pages = RunPages(driver, run_pages.TEXTS)
        self.messages = self.local = SqliteMessages(driver)
        self.origin_counts = OriginCounts(driver, origin_counts.TEXTS)
        self.outbox = outbox.SqliteOutbox(driver, outbox.TEXTS, hints.outbox_has, self._ended)
        self.cohort_counts = CohortCounts(driver, cohort_counts.TEXTS)
        self.signup_counts = SignUpCounts(driver, signup_counts.TEXTS)
        self.queue = queue.SqliteQueue(driver, queue.TEXTS, self.outbox, self.origin_counts)
        self.inbox = inbox.SqliteInbox(driver, inbox.TEXTS, self.outbox, self.origin_counts)
        self.leases = Leases(driver, leases.TEXTS)
        self.replies = Replies(driver, replies.TEXTS, self.outbox)
        self.soft_bounces = SoftBounces(driver, replies.SOFT_BOUNCES)
        self.enrolments = SqliteEnrolments(driver, enrolments.TEXTS)
        self.journey_facts = JourneyFacts(driver, journey_facts.TEXTS)
        self.passages = self._passages(hints)
        self.activity = SqliteActivity(driver)

    imported = cached_property(
        lambda tx: Imported(tx.core, tx.driver, imported.TEXTS, tx.erased, tx.signup_counts)
    )
    history = cached_property(lambda tx: ImportedHistory(tx.core, tx.driver, history.TEXTS))
    reclassification = cached_property(
        lambda tx: SqliteReclassification(tx.core, tx.driver, reclassification.TEXTS)
    )
    conversions = cached_property(
        lambda tx: Conversions(tx.core, tx.lookup, tx.driver, conversions.TEXTS)
    )

    def begin(self) -> None:
        """Do nothing: every transaction is begun."""

    def close(self) -> None:
        """Let go of the connection."""
        self.core.close()
        self.core.engine.dispose()
        self._raw.close()
