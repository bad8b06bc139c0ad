"""A request to a resource, with its caller and its idempotency key.

An endpoint is a function of the services and such a request: parse, one service call, shape.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from sendrail.api.v2.operation import Operation
from sendrail.api.v2.sending import IDEMPOTENCY_KEY_MAX
from sendrail.api.v2.uploads import Upload
from sendrail.app import Runtime
from sendrail.contacts.guard import Guard, unguarded
from sendrail.domain.audit import Actor
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId, read_row_id
from sendrail.intake.submission import IdempotencyKey
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.idempotency import KeptAnswer

T = TypeVar("T")

encode: Final = msgspec.json.Encoder().encode


class Replayed(Exception):
    """The request was answered before; nothing is done again."""

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__()
        self.kept = kept


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyGuard:
    """A request with an idempotency key: it is answered once, and later ones get that answer."""

    account: AccountId
    key: str
    route: str
    # Of the body: a file has one only after it was read.
    digest: Callable[[], bytes]
    now: Callable[[], int]

    def around(self, shape: Callable[[Any], msgspec.Struct]) -> Guard:
        """Return the guard that keeps the answer in the transaction of the work.

        An error undoes that transaction and is not kept: a caller who corrects the request may
        use the key again.
        """

        def guard(work: Callable[[Tx], T], /) -> Callable[[Tx], T]:
            def guarded(tx: Tx) -> T:
                if (kept := self.kept(tx)) is not None:
                    raise Replayed(kept)
                result = work(tx)
                answer = KeptAnswer(self.route, self.digest(), 200, encode(shape(result)))
                tx.idempotency.answer(self.account, self.key, answer, self.now())
                return result

            return guarded

        return guard

    def is_known(self, tx: Tx) -> bool:
        """Return whether a request with this key was answered before."""
        return bool(self._claim(tx))

    def found(self, tx: Tx) -> KeptAnswer | None:
        """Return the same as `kept`, without a claim to the key: of a transaction that reads."""
        pair = (int(self.account), self.key)
        return self._checked(tx.idempotency.find([pair]).get(pair))

    def as_key(self) -> IdempotencyKey:
        """Return the key as the intake has it."""
        return IdempotencyKey(self.key, self.route, self.digest())

    def kept(self, tx: Tx) -> KeptAnswer | None:
        """Return what was answered before. Raises `InvalidInput` for another request."""
        return self._checked(self._claim(tx))

    def _checked(self, kept: KeptAnswer | None) -> KeptAnswer | None:
        if kept is not None and (misuse := self.as_key().misuse(kept)):
            raise misuse
        return kept

    def _claim(self, tx: Tx) -> KeptAnswer | None:
        pair = (int(self.account), self.key)
        return tx.idempotency.claim([pair]).get(pair)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request of an authorized caller."""

    account: AccountId
    actor: Actor
    request_id: str
    # Its method, and its path below the base.
    route: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    idempotency: IdempotencyGuard | None = None
    # The file of an operation that takes one.
    upload: Upload | None = None
    # Whether it asks for a CSV file where there is one.
    accepts_csv: bool = False

    def path_id(self, name: str) -> int:
        """Return a number in the path. Raises `NotFound` where it can be none."""
        found = read_row_id(self.path[name])
        if found is None:
            raise NotFound("The object does not exist, or is not yours.")
        return found

    async def guard(
        self, call: Callable[[Guard], Awaitable[T]], shape: Callable[[T], msgspec.Struct]
    ) -> msgspec.Struct:
        """Make a service call that counts once, and return its shape."""
        guard = unguarded if self.idempotency is None else self.idempotency.around(shape)
        return shape(await call(guard))


class CsvFile(NamedTuple):
    """An answer that is a file, and leaves as it is made."""

    name: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Endpoint(Operation):
    """An operation, with the function that answers it."""

    handler: Callable[[Runtime, ApiRequest], Awaitable[msgspec.Struct | CsvFile]]


def key_of(given: bytes | None) -> str | None:
    """Return an `Idempotency-Key`. Raises `InvalidInput` for one that is too long or empty."""
    if given is None or 1 <= len(given) <= IDEMPOTENCY_KEY_MAX:
        return None if given is None else given.decode("latin-1")
    raise InvalidInput(
        f"An `Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_MAX} characters",
        code="invalid_idempotency_key",
    )


def guard_of(
    account: AccountId,
    key: bytes | None,
    route: str,
    digest: Callable[[], bytes],
    now: Callable[[], int],
) -> IdempotencyGuard | None:
    """Return the guard of a request, None without an `Idempotency-Key`."""
    known = key_of(key)
    if known is None:
        return None
    return IdempotencyGuard(account=account, key=known, route=route, digest=digest, now=now)
