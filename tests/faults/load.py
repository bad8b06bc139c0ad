"""Load: several connections that post to a server which may die at any moment, and never give up.

Each request is posted until it is answered, as a careful client does without an idempotency key:
the duplicate window must see to it that no order becomes two messages. So that nothing hides
behind a number that is used again, no two orders have the same recipient.
"""

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Self

from .serve import Answer, Client, Server

_BULK = 100
LOST = (ConnectionError, http.client.HTTPException, TimeoutError, OSError)


class GaveUp(Exception):
    """The test has failed elsewhere; nobody waits for an answer any more."""


class Load:
    """Connections in threads; `told` says which message each recipient's order became."""

    def __init__(
        self,
        server: Server,
        lists: Sequence[str],
        seed: int,
        *,
        singles: int = 4,
        bulks: int = 1,
        pause: float = 0.005,
        prefix: str = "+1444",
        refusals_are_certain: bool = True,
    ) -> None:
        """Prepare it; where several share a database, a 503 may hide a commit nobody heard of."""
        self._server = server
        self._lists = lists
        self._prefix = prefix
        self._refusals_are_certain = refusals_are_certain
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._numbers = itertools.count(1)
        self.told: dict[str, str] = {}
        self.refused: Counter[str] = Counter()
        # Answers that came only after the request had been lost on a connection before.
        self.told_later: Counter[str] = Counter()
        self.broken: list[BaseException] = []
        posts = [(self._post_one, pause)] * singles + [(self._post_many, 8 * pause)] * bulks
        self._own = threading.local()
        self._threads = [
            threading.Thread(target=self._run, args=(*post, random.Random(f"{seed}-{at}")))
            for at, post in enumerate(posts)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:
            self._giving_up.set()
        self.stop()

    def give_up(self) -> None:
        """End without the answers that have not come, because none will come any more."""
        self._giving_up.set()
        self.stop()

    def stop(self) -> None:
        """Have every request under way answered, then end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        assert not self.broken, self.broken

    def _run(self, post: Callable[..., None], pause: float, chance: random.Random) -> None:
        try:
            while not self._stopping.is_set():
                post(chance)
                time.sleep(pause)
        except GaveUp:
            pass
        except BaseException as error:  # noqa: BLE001 - the test is told when it stops the load
            self.broken.append(error)
        finally:
            self._forget_client()

    def _order(self, chance: random.Random) -> dict[str, str]:
        return {
            "to": f"{self._prefix}{next(self._numbers):07}",
            "list_number": chance.choice(self._lists),
            "body": "Your order {{messageId}} is on its way",
        }

    def _post_one(self, chance: random.Random) -> None:
        order = self._order(chance)
        answer, is_retry = self._until_answered("/api/v2/send-raw", order)
        if answer.status == 200:
            self._record(order["to"], answer.body["message_id"], is_retry)
        else:
            self._record_refusal(order["to"], answer.body, is_retry)

    def _post_many(self, chance: random.Random) -> None:
        orders = [self._order(chance) for _ in range(_BULK)]
        answer, is_retry = self._until_answered("/api/v2/send-raw/bulk", {"messages": orders})
        assert answer.status == 200, answer
        for each in answer.body["messages"]:
            self._record(orders[each["index"]]["to"], each["message_id"], is_retry)
        for each in answer.body["errors"]:
            self._record_refusal(orders[each["index"]]["to"], each, is_retry)

    def _record(self, recipient: str, message_id: str, is_retry: bool) -> None:
        self.told[recipient] = message_id
        self.told_later["accepted"] += is_retry

    def _record_refusal(self, recipient: str, error: Any, is_retry: bool) -> None:
        code = error["code"]
        self.refused[code] += 1
        if code == "duplicate_message" and is_retry:
            # It was accepted, and only the answer was lost: the refusal names the message.
            self.told[recipient] = error["message"].split()[-1]
            self.told_later["duplicate"] += 1

    def _until_answered(self, path: str, body: Any) -> tuple[Answer, bool]:
        was_lost = False
        while not self._giving_up.is_set():
            try:
                answer = self._client().post(path, body)
            except LOST:
                was_lost = True
                self._forget_client()
                time.sleep(0.02)
                continue
            if answer.status != 503:
                return answer, was_lost
            self.refused[answer.body["code"]] += 1
            if not self._refusals_are_certain:
                was_lost = True
                # Perhaps another process takes it.
                self._forget_client()
            time.sleep(0.05)
        raise GaveUp

    # A connection for each thread

    def _client(self) -> Client:
        if getattr(self._own, "client", None) is None:
            self._own.client = self._server.client()
        client: Client = self._own.client
        return client

    def _forget_client(self) -> None:
        if getattr(self._own, "client", None) is not None:
            self._own.client.close()
            self._own.client = None
