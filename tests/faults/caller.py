"""A caller who posts one message after another, never gives up, and keeps how it was answered."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from .load import LOST
from .serve import Client, Server

_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Call:
    """One request: when it was begun, how long it took, and its answer; 0: none."""

    at: float
    seconds: float
    status: int
    retry_after: str | None


class Caller:
    """Texts to a few recipients in turn, each begun after the one before was accepted."""

    def __init__(self, server: Server, list_number: str, *, recipients: int = 5) -> None:
        self._server = server
        self._list_number = list_number
        self._recipients = [f"+1446000{n:04}" for n in range(recipients)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._client: Client | None = None
        self.calls: list[Call] = []
        # What each recipient was sent, in order.
        self.sent: dict[str, list[str]] = {each: [] for each in self._recipients}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        count = 0
        while not self._stopping.is_set():
            to = self._recipients[count % len(self._recipients)]
            order = {"to": to, "list_number": self._list_number, "body": f"{count}"}
            while (known := self._post(order)) is None and not self._stopping.is_set():
                time.sleep(_PAUSE_SECONDS)
            if known is not None:
                self.sent[to].append(known)
            count += 1
            time.sleep(_PAUSE_SECONDS)

    def _post(self, order: dict[str, Any]) -> str | None:
        """Post once; return the message's id when it is known that there is one."""
        at = time.monotonic()
        try:
            if self._client is None:
                self._client = self._server.client(timeout=60)
            answer = self._client.post("/api/v2/send-raw", order)
        except LOST:
            with suppress(AttributeError):
                self._client.close()  # type: ignore[union-attr]
            self._client = None
            self.calls.append(Call(at, time.monotonic() - at, 0, None))
            return None
        retry_after = answer.headers.get("retry-after")
        self.calls.append(Call(at, time.monotonic() - at, answer.status, retry_after))
        if answer.status == 200:
            return str(answer.body["message_id"])
        if answer.body["code"] == "duplicate_message":
            return str(answer.body["message"].split()[-1])
        assert answer.status == 503, answer
        return None

    def told_between(self, begin: float, end: float) -> list[Call]:
        """Return the calls that were begun between two moments."""
        return [call for call in self.calls if begin <= call.at < end]

    def usual_before(self, moment: float) -> float:
        """Return how long a call takes on this machine at the most while all is well."""
        return max(call.seconds for call in self.calls if call.at + call.seconds < moment)

    def accepted_after(self, moment: float) -> float:
        """Return how long after a moment the first message was accepted."""
        return min(
            call.at + call.seconds - moment
            for call in self.calls
            if call.status == 200 and call.at + call.seconds >= moment
        )
