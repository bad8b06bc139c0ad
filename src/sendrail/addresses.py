"""Where an installation is reached, as far as its settings say."""

import re
from typing import Final
from urllib.parse import urlsplit

from sendrail.settings import Settings

# Roles of processes that answer where links lead.
_SERVES_LINKS: Final = frozenset({"all", "api", "clicks"})
# What stands for every address of the machine, and the one of it that a browser there can ask.
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens by this


def sandbox_url(settings: Settings, port: int) -> str | None:
    """Return where the links of the sandbox's lists lead, on a server that listens on a port.

    None where there is no such place: port 0 stands for one that is not chosen yet, and a process
    without the API and without links serves none of them.
    """
    if settings.public_url:
        return settings.public_url
    if not port or not _SERVES_LINKS & set(re.split(r"[,\s]+", settings.roles)):
        return None
    host = _WILDCARDS.get(settings.host, settings.host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def join_link(settings: Settings, token: str, url: str | None = None) -> str:
    """Return the link of an invitation: on the public address, else on `url` or where we listen."""
    here = url or f"http://{_WILDCARDS.get(settings.host, settings.host)}:{settings.port}"
    return f"{(settings.public_url or here).rstrip('/')}/dashboard/join/{token}"


def api_hosts(settings: Settings) -> frozenset[str]:
    """Return the hosts that this API is reached by, as far as the settings say."""
    named = urlsplit(settings.public_url).hostname
    return frozenset({settings.host, *([named] if named else [])})
