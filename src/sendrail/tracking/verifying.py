"""Whether a tracking domain leads here: it is asked over HTTPS, as a phone will ask it.

A DNS record is not enough: without a certificate every link is dead. What answers must know a
secret of this installation, so that a page which answers everything is not taken for us. A domain
that fails goes on being used, because links to it are out there; it is shown, logged and counted.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from sendrail.domain import storable
from sendrail.domain.ids import AccountId
from sendrail.domain.times import DAY_MS
from sendrail.domain.tracking_domain import DomainStatus, TrackingDomain
from sendrail.domain.webhook import Acknowledged, Answer
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

PATH: Final = "/.well-known/sendrail/"
# One that fails is asked more often, so that its alert ends soon after its trouble.
HOUR_MS: Final = 3_600_000
_LOOK_SECONDS: Final = 60.0
_AT_ONCE: Final = 20


class HttpClient(Protocol):
    """What asks a URL over the network, within the guard of webhooks."""

    async def get(self, url: str, now: int) -> Answer: ...


class DomainProofs:
    """What this installation, and no other, answers to the token of a domain."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def proof(self, token: str) -> str:
        """Return the proof: 64 hexadecimal digits."""
        return hmac.digest(self._key, token.encode(), hashlib.sha256).hex()


class DomainVerifier:
    """Asks a domain and keeps what came of it."""

    def __init__(
        self, store: Store, client: HttpClient, proofs: DomainProofs, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._client = client
        self._proofs = proofs
        self._now = now

    async def verify(self, domain: TrackingDomain) -> TrackingDomain | None:
        """Ask a domain; return it as it is then, or None where it was removed meanwhile."""
        problem = await self._problem(domain)
        now = self._now()

        def keep(tx: Tx) -> TrackingDomain | None:
            account_id: AccountId = domain.account_id
            verified = {"verified_at": now} if problem is None else {}
            if domain.verified_at is not None:
                verified = {}
            tx.domains.change(account_id, domain.id, checked_at=now, problem=problem, **verified)
            return tx.domains.by_id(account_id, domain.id)

        return await self._store.write(keep)

    async def _problem(self, domain: TrackingDomain) -> str | None:
        """Return what keeps a domain from leading here, None where it does."""
        try:
            answer = await self._client.get(
                f"https://{domain.host}{PATH}{domain.token}", self._now()
            )
            return self._problem_of(answer, domain)
        except Exception:  # noqa: BLE001 - one host's trouble must not keep the others unasked
            _log.exception("tracking_domain_check_raised", domain=domain.host)
            return "asking it broke off: see the log of that time"

    def _problem_of(self, answer: Answer, domain: TrackingDomain) -> str | None:
        match answer:
            case Acknowledged(detail=shown):
                is_ours = hmac.compare_digest(
                    shown.strip().encode(), self._proofs.proof(domain.token).encode()
                )
                return None if is_ours else "something else answers on this host"
            case _:
                status = getattr(answer, "status", None)
                if status is not None:
                    return f"it answers {status}"
                # Whatever a host's side says can be kept.
                return storable.text(answer.detail, storable.DETAIL_MAX)


class DomainChecker:
    """Asks each tracking domain once a day, again and again until cancelled.

    Of several processes only the owner does.
    """

    def __init__(
        self,
        store: Store,
        verifier: DomainVerifier,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        ownership: Ownership,
    ) -> None:
        self._store = store
        self._verifier = verifier
        self._metrics = metrics
        self._now = now
        self._ownership = ownership
        self._rounds = Rounds("tracking_domains", retry_seconds=_LOOK_SECONDS)

    async def run(self) -> None:
        """Ask those that are due, and rest in between."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        if self._ownership.owns():
            await self.step()
        else:
            # Another process counts them now.
            self._metrics.domains_failing.set(0)
        return _LOOK_SECONDS

    async def step(self) -> None:
        """Ask the domains that are due, and count those that fail."""
        now = self._now()
        due = await self._store.read(
            lambda tx: tx.domains.to_check(now - DAY_MS, now - HOUR_MS, _AT_ONCE)
        )
        for domain in due:
            checked = await self._verifier.verify(domain)
            if checked is not None and checked.problem is not None:
                _log.warning("tracking_domain_failing", domain=checked.host, reason=checked.problem)
        domains = await self._store.read(lambda tx: tx.domains.everywhere())
        failing = sum(each.status is not DomainStatus.VERIFIED for each in domains)
        self._metrics.domains_failing.set(failing)
