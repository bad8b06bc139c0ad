"""Which addresses a webhook may reach: a stranger's URL must not open a door into our network.

A URL is read strictly, so that no two readers can understand it differently. A name is resolved
once for a connection, every answer is checked, and the connection goes to an address that was
checked: a name that answers differently the next time gains nothing. `ipaddress.is_global` is no
help here: on Python 3.11 it calls NAT64, 6to4, multicast and old site-local addresses global.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sendrail.domain.errors import InvalidInput, SetupError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str], Awaitable[Sequence[str]]]
# Family, type, protocol, canonical name and socket address, as `getaddrinfo` has them.
AddressInfo = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]

# IANA IPv4 Special-Purpose Address Registry, multicast (RFC 5771) and what is reserved above it.
# AS112 and the deprecated 6to4 relays answer to any client, so they are in it, too.
_CLOSED_V4: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Only global unicast (RFC 4291, 2.4) is open, and within it not what carries or stands for
# something else: IETF protocols with Teredo, documentation, 6to4, AS112.
_OPEN_V6: Final = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
# A host as RFC 1123 has it: letters, digits, hyphens and dots, nothing to be decoded.
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
).fullmatch
# What some readers take for a number, and so for an address: 127.1, 2130706433, 0x7f.1.
_NUMERIC: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)").fullmatch
_URL: Final = re.compile(r"[!-\[\]-~]+").fullmatch
_URL_LENGTH_MAX: Final = 2_000
_PORTS: Final = {"https": 443, "http": 80}
_LOOKUPS_MAX: Final = 32


class TargetRefused(OSError):
    """A name leads to an address that no webhook may reach."""


class NoAddress(OSError):
    """A name leads nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an operator allows beyond public https; `ports` None allows any."""

    allow_http: bool = False
    ports: Collection[int] | None = (443, 8443)
    networks: Sequence[Network] = ()
    denied_hosts: Collection[str] = ()

    @classmethod
    def parse(cls, *, allow_http: bool, ports: str, networks: str, denied_hosts: str) -> "Rules":
        """Read the rules as settings have them, separated by commas. Raises `SetupError`."""
        try:
            open_ports = None if ports.strip() == "*" else [int(each) for each in _words(ports)]
        except ValueError as error:
            raise SetupError(
                f"Setting webhook_ports: {error}. Name ports, such as 443,8443, or * for any."
            ) from error
        try:
            open_networks = [ipaddress.ip_network(each) for each in _words(networks)]
        except ValueError as error:
            raise SetupError(
                f"Setting webhook_allow_networks: {error}. Name networks, such as 10.0.0.0/8."
            ) from error
        return cls(
            allow_http=allow_http,
            ports=open_ports,
            networks=open_networks,
            denied_hosts=frozenset(each.lower() for each in _words(denied_hosts)),
        )


# For a developer's own machine, where the URL is typed by the developer who runs the server.
LOCAL: Final = Rules(
    allow_http=True,
    ports=None,
    networks=(ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")),
)


def check_url(url: str, rules: Rules) -> None:
    """Raise `InvalidInput`, saying what to do, unless a webhook may be posted to a URL.

    A name is not looked up here: where it leads is checked whenever a connection is made.
    """
    scheme, host, port = _read(url)
    if scheme == "http" and not rules.allow_http:
        raise _wrong(
            "The URL must begin with https://. Plain http is for private networks, and is allowed "
            "by the setting webhook_allow_http."
        )
    if rules.ports is not None and port not in rules.ports:
        ports = ", ".join(map(str, rules.ports))
        raise _wrong(
            f"The URL's port {port} is not one of {ports}. The setting webhook_ports names them."
        )
    if host.removesuffix(".") in rules.denied_hosts:
        raise _wrong(f"The host {host} is denied by the setting webhook_deny_hosts.")
    if (address := _literal(host)) is not None and not is_open(address, rules):
        raise _wrong(_closed(address))


def is_open(address: Address, rules: Rules) -> bool:
    """Return whether a webhook may reach an address."""
    if any(address in network for network in rules.networks):
        return True
    if isinstance(address, ipaddress.IPv4Address):
        is_public = not any(address in network for network in _CLOSED_V4)
    else:
        is_public = (
            address in _OPEN_V6
            and address.scope_id is None
            and not any(address in network for network in _CLOSED_V6)
        )
    return is_public and not _is_ours(address)


class GuardedResolver:
    """Gives the addresses to connect to, and only such as may be reached."""

    def __init__(self, rules: Rules, lookup: Lookup | None = None) -> None:
        self._rules = rules
        # Threads of our own: names that do not resolve must not hold up what else needs one.
        self._threads = ThreadPoolExecutor(_LOOKUPS_MAX, "sendrail-resolve")
        self._lookup = lookup or self._ask_the_system

    async def resolve(self, host: str, port: int) -> list[AddressInfo]:
        """Return the addresses of a host, all of them checked; a plain address is its own.

        Raises `TargetRefused` when one of them may not be reached: a name that leads to both a
        public and a private address is refused. Raises `NoAddress` when there is none.
        """
        try:
            answers = [host] if _literal(host) is not None else await self._lookup(host)
        except OSError as error:
            raise NoAddress(f"{host} has no address: {error}") from error
        if not answers:
            raise NoAddress(f"{host} has no address")
        addresses = [ipaddress.ip_address(each) for each in answers]
        for address in addresses:
            if not is_open(address, self._rules):
                raise TargetRefused(_closed(address))
        return [_address_info(each, port) for each in addresses]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_the_system(self, host: str) -> Sequence[str]:
        def ask() -> list[str]:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(each[4][0]) for each in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


def _read(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL that can be read in one way only."""
    if len(url) > _URL_LENGTH_MAX or not _URL(url):
        raise _wrong(
            f"The URL must have at most {_URL_LENGTH_MAX:,} characters, all of them printable "
            "ASCII and none a blank or a backslash. Write a host with other letters in its "
            "xn-- form."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong(f"The URL cannot be read: {error}.") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _wrong("The URL must begin with https:// and name a host.")
    host = parts.hostname
    authority = (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")
    if parts.netloc.lower() != authority or "#" in url:
        raise _wrong("The URL must hold no user, no password, no # part, only a host and a port.")
    name = host.removesuffix(".")
    if _literal(host) is None and (not _NAME(name) or _NUMERIC(name.rpartition(".")[2])):
        raise _wrong(f"{host} is no host name and no plain address.")
    return parts.scheme, host, _PORTS[parts.scheme] if port is None else port


def _literal(host: str) -> Address | None:
    """Return the address a host is; only its plain spelling is one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6


def _address_info(address: Address, port: int) -> AddressInfo:
    is_v4 = isinstance(address, ipaddress.IPv4Address)
    where = (str(address), port) if is_v4 else (str(address), port, 0, 0)
    return _family(address), socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where


def _is_ours(address: Address) -> bool:
    """Return whether an address is this machine's: only its own can be bound."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _closed(address: Address) -> str:
    return (
        f"{address} is not a public address. Where it is meant, the setting "
        "webhook_allow_networks opens its network."
    )


def _wrong(text: str) -> InvalidInput:
    return InvalidInput(text, code="invalid_url", param="url")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
