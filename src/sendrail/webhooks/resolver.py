"""The resolver of the poster's connections: every address it hands out has passed the guard."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from sendrail.webhooks.guard import Rules, TargetRefused, closed_text, family_of, is_open

Lookup = Callable[[str], Awaitable[Sequence[str]]]

_LOOKUPS_MAX: Final = 32


class GuardedResolver(AbstractResolver):
    """Resolves names for connections, and hands out only addresses that may be reached."""

    def __init__(self, rules: Rules, lookup: Lookup | None = None) -> None:
        self._rules = rules
        # Threads of our own: names that do not resolve must not hold up what else needs one.
        self._threads = ThreadPoolExecutor(_LOOKUPS_MAX, "sendrail-resolve")
        self._lookup = lookup or self._ask_the_system

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host, all of them checked.

        Raises `TargetRefused` when one of them may not be reached: a name that leads to both a
        public and a private address is refused.
        """
        answers = await self._lookup(host)
        if not answers:
            raise OSError(f"{host} has no address")
        addresses = [ipaddress.ip_address(each) for each in answers]
        for address in addresses:
            if not is_open(address, self._rules):
                raise TargetRefused(closed_text(address))
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=family_of(address),
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
            if family in {socket.AF_UNSPEC, family_of(address)}
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_the_system(self, host: str) -> Sequence[str]:
        def ask() -> list[str]:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(each[4][0]) for each in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
