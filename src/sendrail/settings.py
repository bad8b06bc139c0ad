"""The settings, read once into one frozen value that every other part receives.

A setting comes from the environment (`SENDRAIL_*`), else from `sendrail.toml` in the data folder,
else from its default. An unknown name is an error, because a misspelt setting that is ignored
silently is only noticed during an incident. The suffix `_FILE` reads any value from a file.
If the data folder contains its own PostgreSQL, that is the default of `database_url`.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from sendrail.domain.errors import SetupError
from sendrail.domain.tracking_domain import SHORTENERS

_PREFIX: Final = "SENDRAIL_"
_FILE_SUFFIX: Final = "_FILE"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_DATA_DIR: Final = Path("sendrail-data")
_PUBLIC_URL: Final = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?").fullmatch


def _setting(
    default: Any,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    secret: bool = False,
) -> Any:
    limits = {"low": low, "high": high, "choices": choices, "secret": secret}
    return field(default=default, metadata={"help": text, **limits})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, with its type, its default and a sentence of help."""

    data_dir: Path = _setting(_DATA_DIR, "Folder of the database, the keys and the lock.")
    database_url: str = _setting(
        "",
        "A PostgreSQL database shared by several processes, such as postgresql://user@host/name "
        "(with a standby: user@host1,host2); without it the database is a file in the data folder.",
        secret=True,
    )
    master_key: str = _setting(
        "",
        "The master key itself, 64 hexadecimal digits, if it is not in the file master.key in the "
        "data folder.",
        secret=True,
    )
    account: str = _setting(
        "",
        "The account that commands work on, by name or id, as in `--account`; the default is the "
        "first one. `serve` ignores it.",
    )
    roles: str = _setting(
        "all",
        "The roles of this process, separated by commas: api, clicks, deliver, receipts, webhooks, "
        "scheduler, planner. Anything but all needs a database_url.",
    )
    lease_seconds: float = _setting(
        2.0,
        "Seconds after which other processes take over the work of a process that no longer renews "
        "its lease.",
        low=0.5,
        high=60,
    )
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8025, "Port to listen on; 0 chooses a free one.", low=0, high=65535)
    allow_public_bind: bool = _setting(
        False,
        "Allow listening on an address other than loopback, behind your own TLS and firewall.",
    )
    public_url: str = _setting(
        "",
        "This server's public address, such as https://sms.example.com. Callback URLs are built "
        "from it, and carriers sign them.",
    )
    trusted_proxies: str = _setting(
        "127.0.0.1, ::1",
        "Networks of your proxies, separated by commas: the address of a visitor is what they add "
        "to X-Forwarded-For. Empty to trust none.",
    )
    log_format: str = _setting("auto", "Log lines as json or pretty; auto is pretty on a terminal.")
    log_level: str = _setting("info", "The lowest level of log lines shown: debug to error.")
    default_list_rate: int = _setting(
        17_000, "Rate of a new list, in messages per minute.", low=1, high=6_000_000
    )
    duplicate_window_seconds: int = _setting(
        300,
        "How long the same text to the same recipient from the same list counts as a duplicate; "
        "needs about 32 bytes of memory for each message in the window.",
        low=0,
        high=86_400,
    )
    stale_after_seconds: int = _setting(
        1_800,
        "A message that waits this long past its due time is dropped as stale; one of a campaign "
        "waits until its run ends.",
        low=1,
        high=30 * 86_400,
    )
    uncertain_after_seconds: int = _setting(
        14_400,
        "An uncertain message that gets no receipt for this long becomes failed.",
        low=1,
        high=30 * 86_400,
    )
    characters_max: int = _setting(
        1_600, "The longest text accepted, in characters.", low=1, high=39_015
    )
    segments_max: int = _setting(
        255,
        "The longest text accepted, in segments; 255 is the most that SMS allows.",
        low=1,
        high=255,
    )
    blocked_words: str = _setting(
        "", "Words that no message may contain, for the whole installation, separated by commas."
    )
    click_deny_hosts: str = _setting(
        ", ".join(sorted(SHORTENERS)),
        "Hosts that no wrapped link may lead to, with all names below them, separated by commas: "
        "public shorteners, which carriers filter.",
    )
    click_addresses: str = _setting(
        "truncated",
        "What is kept of a visitor's address: truncated to its /24 or /48, none, or whole.",
        choices=("truncated", "none", "whole"),
    )
    click_machine_networks: str = _setting(
        "",
        "Networks whose clicks count as a machine's, such as 198.51.100.0/24, separated by commas "
        "or lines.",
    )
    click_people_networks: str = _setting(
        "",
        "Networks whose clicks count as a person's, even inside click_machine_networks, separated "
        "by commas or lines.",
    )
    click_detail_days: int = _setting(
        30,
        "The networks, digests and user agents of clicks are deleted after this many days; the "
        "clicks stay.",
        low=1,
        high=3_650,
    )
    scheduled_max: int = _setting(
        20_000,
        "How many messages of one account may wait for their send_at; any more are refused as "
        "too_many_scheduled.",
        low=0,
        high=1_000_000,
    )
    send_at_days_max: int = _setting(30, "How many days ahead send_at may be.", low=1, high=366)
    click_burst_messages_max: int = _setting(
        20,
        "One address may follow links of this many messages within a minute; further clicks are "
        "unknown, and count once another click confirms them. 0 for no limit, in countries where "
        "thousands of phones share an address.",
        low=0,
        high=1_000_000,
    )
    queue_depth_max: int = _setting(
        10_000_000,
        "How many messages of one account may wait; any more are refused as queue_full.",
        low=1,
        high=10**12,
    )
    waiting_max: int = _setting(
        4_096,
        "How many requests may wait for the disk at once; any more are refused as overloaded, with "
        "a Retry-After.",
        low=1,
        high=1_000_000,
    )
    free_disk_min_mb: int = _setting(
        64,
        "With less free disk (MiB) than this, no message is accepted, so that accepted ones can "
        "still be sent and settled.",
        low=0,
        high=10**9,
    )
    quiet_hours: str = _setting(
        "US 21:00-08:00",
        "The hours in which campaigns and journeys send nothing, in the recipient's time zone: by "
        "country, with stricter ones for regions, such as US 21:00-08:00, US-FL 20:00-08:00. "
        "Empty for none.",
    )
    retention_days: int = _setting(
        90,
        "Messages with a final status are deleted after this many days; 0 keeps them.",
        low=0,
        high=36_500,
    )
    report_retention_days: int = _setting(
        1_095,
        "The hourly counts of reports are deleted after this many days; they contain no phone "
        "numbers.",
        low=90,
        high=36_500,
    )
    answer_timeout_seconds: int = _setting(
        60,
        "A message whose carrier has not answered for this long is uncertain.",
        low=1,
        high=3_600,
    )
    webhook_signature_header: str = _setting(
        "X-Trackly-Signature", "Header that carries the simple signature of an event."
    )
    webhook_allow_http: bool = _setting(
        False, "Allow webhooks over plain http, for receivers in your own network."
    )
    webhook_ports: str = _setting(
        "443,8443", "Ports that webhooks may be posted to, separated by commas; * allows any."
    )
    webhook_allow_networks: str = _setting(
        "",
        "Non-public networks that webhooks may reach, such as 10.1.0.0/16, separated by commas.",
    )
    webhook_deny_hosts: str = _setting(
        "",
        "Hosts that webhooks may never be posted to, such as this installation's own name, "
        "separated by commas.",
    )
    webhook_concurrency: int = _setting(
        8, "How many events are posted to one endpoint at the same time.", low=1, high=64
    )
    webhook_pause_after_seconds: int = _setting(
        86_400,
        "An endpoint is paused after failing without interruption for this long; its events wait.",
        low=60,
        high=30 * 86_400,
    )
    webhook_retention_days: int = _setting(
        14,
        "Events, with their attempts, are deleted after this many days, delivered or not.",
        low=1,
        high=3_650,
    )
    opt_out_scope: str = _setting(
        "list",
        "What a STOP ends and a START renews: the subscription to one list, or to every list of "
        "the account.",
        choices=("list", "account"),
    )
    yes_resubscribes: bool = _setting(False, "Treat the reply YES as a START.")
    abuse_words: str = _setting(
        "label",
        "What a reply such as spam or scam causes: label marks it for review, stop also ends the "
        "subscription.",
        choices=("label", "stop"),
    )
    auto_reply_pause_seconds: int = _setting(
        300,
        "The shortest time between two automatic replies of one kind to one contact.",
        low=1,
        high=86_400,
    )
    reply_parts_seconds: int = _setting(
        60,
        "How long to wait for missing parts of a reply before using the parts that came.",
        low=1,
        high=86_400,
    )
    recipient_troubles_max: int = _setting(
        5,
        "After this many soft bounces in a row (absent subscriber, rejected by the operator) the "
        "contact is removed from the list; 0 never does.",
        low=0,
        high=1_000,
    )
    recipient_troubles_days: int = _setting(
        30, "Soft bounces count for this many days.", low=1, high=3_650
    )
    refused_callbacks_days: int = _setting(
        90,
        "Callbacks that could not be parsed or applied are deleted after this many days.",
        low=1,
        high=3_650,
    )
    number_lookup: str = _setting(
        "numbering_plans",
        "The source of carrier, line type and time zone of new contacts: numbering_plans, a "
        "lookup from an installed package, or none.",
    )
    import_bytes_max: int = _setting(
        1_000_000_000,
        "The largest file that can be imported over HTTP, in bytes.",
        low=1_000,
        high=10**12,
    )
    drain_seconds: int = _setting(
        25,
        "How long a shutdown waits for submits and posts in progress; the process exits within 4 "
        "more seconds, by force if necessary.",
        low=0,
        high=600,
    )
    simulator_handsets: str = _setting(
        "",
        "Unix socket to which the simulator writes each message that reaches a handset; for tests.",
    )

    @property
    def has_own_postgres(self) -> bool:
        """Return whether the database is the PostgreSQL in the data folder, which `serve` runs."""
        return self.database_url == own_database_url(self.data_dir)


def own_postgres(data_dir: Path) -> Path:
    """Return the folder of a data folder's own PostgreSQL; it exists only if there is one."""
    return data_dir / "postgres"


def own_database_url(data_dir: Path) -> str:
    """Return the address of the database of a data folder's own PostgreSQL."""
    sockets = quote(str(own_postgres(data_dir).absolute()), safe="")
    return f"postgresql://postgres@/postgres?host={sockets}&port=5432"


class SettingDescription(NamedTuple):
    """One setting as it is shown to an operator."""

    name: str
    value: Any
    origin: str
    help: str


def load(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Return the settings; `given` are command-line values, None meaning not given.

    Raises `SetupError`, which names the setting, if one is unknown or out of range.
    """
    return Settings(**{name: value for name, (value, _) in _gather(environment, given).items()})


def explain(
    environment: Mapping[str, str] | None = None, **given: Any
) -> Iterator[SettingDescription]:
    """Yield every setting with its value and its origin; a secret's value is only `(set)`."""
    found = _gather(environment, given)
    for each in fields(Settings):
        value, origin = found.get(each.name, (each.default, "default"))
        if value and each.metadata["secret"]:
            value = "(set)"
        yield SettingDescription(each.name, value, origin, each.metadata["help"])


def _gather(
    environment: Mapping[str, str] | None, given: Mapping[str, Any]
) -> dict[str, tuple[Any, str]]:
    if environment is None:
        environment = os.environ
    found = {name: _from_environment(name, environment) for name in _names()}
    found |= {name: (value, "command line") for name, value in given.items() if value is not None}
    _refuse_unknown(
        (f"{_PREFIX}{name.upper()}" for name in _names()),
        (name for name in environment if name.startswith(_PREFIX)),
        "the environment",
    )
    folder = found["data_dir"]
    path = Path(folder[0] if folder else _DATA_DIR)
    from_file = _from_file(path / "sendrail.toml")
    if own_postgres(path).exists():
        from_file.setdefault("database_url", (own_database_url(path), str(own_postgres(path))))
    chosen = {name: found.get(name) or from_file.get(name) for name in _names()}
    return {name: (_parsed(name, entry[0]), entry[1]) for name, entry in chosen.items() if entry}


def _names() -> list[str]:
    return [each.name for each in fields(Settings)]


def _from_environment(name: str, environment: Mapping[str, str]) -> tuple[Any, str] | None:
    variable = _PREFIX + name.upper()
    if variable in environment:
        return environment[variable], variable
    if variable + _FILE_SUFFIX in environment:
        path = Path(environment[variable + _FILE_SUFFIX])
        try:
            return path.read_text("utf-8").strip(), variable + _FILE_SUFFIX
        except OSError as error:
            raise SetupError(f"{variable}{_FILE_SUFFIX}: cannot read {path}: {error}") from error
    return None


def _from_file(path: Path) -> dict[str, tuple[Any, str]]:
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{path}: {error}") from error
    _refuse_unknown(_names(), table, str(path))
    return {name: (value, str(path)) for name, value in table.items()}


def _refuse_unknown(known: Any, used: Any, place: str) -> None:
    names = set(known)
    for name in used:
        if name not in names and name.removesuffix(_FILE_SUFFIX) not in names:
            raise SetupError(
                f"Unknown setting {name} in {place}. `sendrail config show` lists all of them."
            )


def _parsed(name: str, value: Any) -> Any:
    spec = Settings.__dataclass_fields__[name]
    default: Any = spec.default
    kind = Path if isinstance(default, Path) else type(default)
    try:
        parsed = _boolean(value) if kind is bool else kind(value)
    except (TypeError, ValueError) as error:
        raise SetupError(f"Setting {name}: {value!r} is not a {kind.__name__}.") from error
    if name == "public_url" and parsed and not _PUBLIC_URL(str(parsed)):
        raise SetupError(
            f"Setting {name}: {parsed!r} is not like https://sms.example.com, without a query."
        )
    low, high = spec.metadata["low"], spec.metadata["high"]
    if (low is not None and parsed < low) or (high is not None and parsed > high):
        raise SetupError(f"Setting {name}: {parsed} is not between {low:,} and {high:,}.")
    choices = spec.metadata["choices"]
    if choices and parsed not in choices:
        raise SetupError(f"Setting {name}: {parsed!r} is not {' or '.join(choices)}.")
    return parsed


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(value)
