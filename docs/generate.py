"""The parts of the docs that come from the code: `python docs/generate.py` rewrites them.

Each stands in its page between `<!-- name:begin -->` and `<!-- name:end -->`. With `--check`
nothing is written, and the exit code is 1 where a page says something else than the code.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from sendrail import carriers
from sendrail.api.errors import CODES
from sendrail.api.limits import BODY_BYTES_MAX, LIMITS
from sendrail.api.v2 import contact_shapes
from sendrail.api.v2.blocks import BLOCKS_MAX
from sendrail.api.v2.contact_shapes import CONTACT_BYTES_MAX, CONTACTS_MAX
from sendrail.api.v2.enrollment_batches import ENROLLMENTS_MAX
from sendrail.api.v2.orders import BATCH_MAX, SendRaw, read_send_raw
from sendrail.api.v2.queries import PAGE_MAX, PER_PAGE_MAX
from sendrail.api.v2.sending import IDEMPOTENCY_KEY_MAX
from sendrail.api.v2.statuses import PUBLIC
from sendrail.carriers.http.codes import Action, Codes
from sendrail.carriers.smpp.status import MEANINGS
from sendrail.cli.main import app
from sendrail.contacts.journeys import JOURNEYS_MAX
from sendrail.contacts.lists import LISTS_MAX
from sendrail.contacts.signups import FIELDS_BYTES_MAX
from sendrail.domain.gate import CHECKS, Check, GateFacts
from sendrail.domain.ids import AccountId, ConnectorId, Lane, ListId, MessageIds
from sendrail.domain.journeys.document import DAYS_MAX
from sendrail.domain.json_text import DEPTH_MAX
from sendrail.domain.message import FINAL, MOVES, UNKNOWN_OUTCOME, DropReason, Skip, Status
from sendrail.domain.order import Order, Refusal
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.retry import ATTEMPTS_MAX
from sendrail.domain.sender import ListStatus, OnUncertain, SendingList
from sendrail.intake.orders import METADATA_BYTES_MAX, Limits
from sendrail.settings import Settings
from sendrail.storage.pipeline.outbox import EndedMessage
from sendrail.telemetry import Metrics
from sendrail.webhooks import payloads
from sendrail.webhooks.retry import RETRIES_MS
from sendrail.webhooks.service import ENDPOINTS_MAX

DOCS: Final = Path(__file__).parent
sys.path.insert(0, str(DOCS))
lanes = import_module("lanes")
# Every command has these; the page explains them once.
_COMMON_OPTIONS: Final = frozenset({"--data", "--json", "--help"})
_ACTIONS: Final = {
    Action.THROTTLE: "slow down, and try again",
    Action.RETRY: "try again",
    Action.STOP: "the connector waits",
    Action.REFUSE: "`failed`",
}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(value: object) -> str:
    """Return a value as Markdown code, or `none` for an empty one."""
    text = str(value)
    return f"`{text}`" if text else "none"


# The gate


def gate() -> str:
    """Return the checks in their order, what skips each, and what each answers."""
    flags = _flags()
    return table(
        ["check", "skipped by", "refuses with", "repeated before the submit"],
        [
            [
                code(check.name),
                _skipped_by(check, flags),
                ", ".join(code(refusal) for refusal in _refusals(check)),
                f"yes: `dropped`, `{check.drop}`" if check.drop else "no",
            ]
            for check in CHECKS
        ],
    )


def _skipped_by(check: Check, flags: dict[int, str]) -> str:
    if check.skip is Skip.VERIFICATION:
        return "`sendrail lists verify`, for its test message"
    return code(flags[check.skip]) if check.skip else "nothing"


def _flags() -> dict[int, str]:
    """Return the field of `send-raw` that sets each skip flag, by reading a body with it."""
    found = {}
    limits = Limits(segments_max=1, characters_max=160)
    for name in SendRaw.__struct_fields__:
        if name.startswith("skip_"):
            body = {"to": "+15550100000", "list_number": "+15550100000", "body": "x", name: True}
            order = read_send_raw(msgspec.json.encode(body), limits)
            assert isinstance(order, Order), order
            found[int(order.skips)] = name
    return found


def _refusals(check: Check) -> list[Refusal]:
    """Return every code a check can answer with, by showing it every kind of facts."""
    lists = [None, *(_list(status, byoc=byoc) for status in ListStatus for byoc in (False, True))]
    switches = [name for name in GateFacts.__slots__ if name != "sending_list"]
    found = set()
    for sender, *values in product(lists, *([False, True] for _ in switches)):
        facts = GateFacts(sending_list=sender, **dict(zip(switches, values, strict=True)))
        if (refusal := check.refuse(facts)) is not None:
            found.add(refusal)
    return [refusal for refusal in Refusal if refusal in found]


def _list(status: ListStatus, *, byoc: bool) -> SendingList:
    return SendingList(
        id=ListId(1),
        lane=Lane(1),
        account_id=AccountId(1),
        number=PhoneNumber(1),
        name="",
        brand="",
        status=status,
        rate=1,
        connector_id=ConnectorId(1),
        byoc=byoc,
        verified_at=None,
        on_uncertain=OnUncertain.HOLD,
        created_at=0,
    )


# The life of a message


def moves() -> str:
    """Return the table of moves."""
    return table(
        ["status", "shown as", "may become"],
        [
            [
                code(status),
                code(PUBLIC[status]),
                ", ".join(code(target) for target in Status if target in MOVES[status])
                or "nothing: it is final",
            ]
            for status in Status
        ],
    )


# The customer's webhooks


def words() -> str:
    """Return what events call each status, by showing one of each kind."""
    ids = MessageIds(bytes(16))
    ends = [(status, None) for status in Status if status in FINAL]
    ends += [(Status.DROPPED, DropReason.STALE), (Status.FAILED, UNKNOWN_OUTCOME)]
    return table(
        ["the message is", "with the detail", "`status` of the event"],
        [[code(status), code(detail) if detail else "any other", _word(ids, status, detail)]
         for status, detail in ends],
    )  # fmt: skip


def _word(ids: MessageIds, status: Status, detail: str | None) -> str:
    ended = EndedMessage(1, 1, 1, status, detail, None, 0)
    return code(msgspec.json.decode(payloads.delivery(ids.show(1), ended))["status"])


def retries() -> str:
    """Return when an event is tried again."""
    waits = [_duration(wait // 60_000) for wait in RETRIES_MS]
    rows = [["1", "at once"], *([str(at), f"{wait} later"] for at, wait in enumerate(waits, 2))]
    return table(["attempt", "when"], rows) + "\n\nThen the event is given up."


def _duration(minutes: int) -> str:
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"  # noqa: PLR2004 - an hour


# What an operator sets and sees


def settings() -> str:
    """Return every setting."""
    return table(
        ["setting", "default", "bounds", "meaning"],
        [
            [
                code(each.name),
                code(each.default) if each.default is not MISSING else "",
                _bounds(**{key: each.metadata[key] for key in ("low", "high", "choices")}),
                each.metadata["help"],
            ]
            for each in fields(Settings)
        ],
    )


def _bounds(low: float | None, high: float | None, choices: Sequence[str]) -> str:
    if choices:
        return " or ".join(map(code, choices))
    return "" if low is None or high is None else f"{low:,} to {high:,}"


def metrics() -> str:
    """Return every metric of ours; those of the process and of Python are the client library's."""
    return table(
        ["metric", "type", "labels", "meaning"],
        [
            [
                code(family.name + ("_total" if family.type == "counter" else "")),
                family.type,
                ", ".join(code(name) for name in _labels(family.name)),
                family.documentation,
            ]
            for family in Metrics().registry.collect()
            if family.name.startswith("sendrail_")
        ],
    )


def _labels(name: str) -> Sequence[str]:
    for metric in vars(Metrics()).values():
        if getattr(metric, "_name", None) == name:
            return metric._labelnames  # noqa: SLF001 - the library shows them nowhere else
    return ()


def door() -> str:
    """Return the bounds of the server's door."""
    return table(
        ["at most", "beyond it"],
        [[f"{limit.value:,.0f} {limit.bounds}", _past(limit.past)] for limit in LIMITS],
    )


def _past(text: str) -> str:
    """Return what follows, an error with its status."""
    return f"{CODES[text][0]} {code(text)}" if text in CODES else text


def limits() -> str:
    """Return every limit, whether a setting changes it or not."""
    default = Settings()
    fixed = "fixed"
    rows: list[tuple[str, int, str, str]] = [
        ("body of a request, in bytes", BODY_BYTES_MAX, fixed, "payload_too_large"),
        ("messages in a batch", BATCH_MAX, fixed, "too_many_messages"),
        ("`metadata` of a message, in bytes", METADATA_BYTES_MAX, fixed, "metadata_too_large"),
        ("`metadata` of a message, in levels of nesting", DEPTH_MAX, fixed, "invalid_field"),
        ("`Idempotency-Key`, in characters", IDEMPOTENCY_KEY_MAX, fixed, "invalid_idempotency_key"),
        ("contacts in a batch", CONTACTS_MAX, fixed, "too_many_contacts"),
        ("a contact, in bytes", CONTACT_BYTES_MAX, fixed, "payload_too_large"),
        ("custom fields of a contact, in bytes", FIELDS_BYTES_MAX, fixed, "payload_too_large"),
        ("numbers in a batch of blocks", BLOCKS_MAX, fixed, "too_many_blocks"),
        ("contacts in a batch of enrollments", ENROLLMENTS_MAX, fixed, "too_many_enrollments"),
        ("lists of an account", LISTS_MAX, fixed, "too_many_lists"),
        ("journeys of a list", JOURNEYS_MAX, fixed, "too_many_journeys"),
        ("text, in segments", default.segments_max, "segments_max", "message_too_long"),
        ("text, in characters", default.characters_max, "characters_max", "message_too_long"),
        ("waiting messages", default.queue_depth_max, "queue_depth_max", "queue_full"),
        ("requests waiting for the disk", default.waiting_max, "waiting_max", "overloaded"),
        ("free disk, in MiB", default.free_disk_min_mb, "free_disk_min_mb", "storage_full"),
        ("contacts on a page", contact_shapes.PER_PAGE_MAX, fixed, "invalid_parameter"),
        ("anything else on a page", PER_PAGE_MAX, fixed, "invalid_parameter"),
        ("pages of a look-up", PAGE_MAX, fixed, "invalid_parameter"),
        (
            "file imported by HTTP, in bytes",
            default.import_bytes_max,
            "import_bytes_max",
            "payload_too_large",
        ),
    ]
    for *_, error in rows:
        assert error in CODES, error
    return table(
        ["what", "limit", "setting", "beyond it"],
        [
            [what, f"{limit:,}", setting if setting == fixed else code(setting), code(error)]
            for what, limit, setting, error in rows
        ]
        + [
            ["days on a journey", str(DAYS_MAX), fixed, "the enrolment ends"],
            ["attempts of a message", str(ATTEMPTS_MAX), fixed, "the message is `failed`"],
            ["webhook endpoints of an account", str(ENDPOINTS_MAX), fixed, "no more are added"],
        ],
    )


# The command line


def commands() -> str:
    """Return every command with its arguments and options."""
    return "\n\n".join(
        _command(path, each) for path, each in _walk((), typer.main.get_command(app))
    )


def _walk(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, each in command.commands.items():
        yield from _walk((*path, name), each)


def _command(path: tuple[str, ...], command: Any) -> str:
    arguments = [each for each in command.params if not each.opts[0].startswith("-")]
    options = [
        each
        for each in command.params
        if each not in arguments and not _COMMON_OPTIONS & set(each.opts)
    ]
    usage = " ".join(["sendrail", *path, *(_argument(each) for each in arguments)])
    rows = [[_cell(code(_name(each))), _cell(_text(each.help))] for each in arguments if each.help]
    rows += [[_cell(_option(each)), _cell(_text(each.help) + _default(each))] for each in options]
    parts = [f"### `{usage}`", _text(inspect.cleandoc(command.help))]
    if rows:
        parts.append(table(["", ""], rows))
    return "\n\n".join(parts)


def _argument(argument: Any) -> str:
    return _name(argument) if argument.required else f"[{_name(argument)}]"


def _name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _option(option: Any) -> str:
    names = [*sorted(option.opts, key=len, reverse=True), *option.secondary_opts]
    value = "" if option.is_flag else f" {_name(option)}"
    return ", ".join(code(name + value) for name in names)


def _default(option: Any) -> str:
    # A switch that is off and an option that is not given need no words.
    if option.is_flag or option.default in (None, "") or not option.show_default:
        return ""
    return f" Default: {code(option.default)}."


def _text(text: str) -> str:
    # The terminal's line breaks are not the page's.
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _cell(text: str) -> str:
    # A bar would end the cell, even inside code.
    return text.replace("|", "\\|")


# SMPP


def statuses() -> str:
    """Return what each command_status does to the message it answers."""
    rows = [
        [
            code(f"0x{status:02X}"),
            code(meaning.name),
            meaning.text,
            code(meaning.detail),
            code(meaning.then.value),
        ]
        for status, meaning in MEANINGS.items()
    ]
    return table(["status", "name", "meaning", "`status_detail`", "then"], rows)


# Carriers


def codes_of(kind: str) -> Codes | None:
    """Return the table of error codes of a carrier by HTTP, if it has one."""
    found = getattr(import_module(f"sendrail.carriers.{kind}.codes"), "CODES", None)
    return found if isinstance(found, Codes) else None


def codes(found: Codes) -> str:
    """Return what a carrier's error codes mean to us."""
    ranges = [(f"{numbers[0]} to {numbers[-1]}", row) for numbers, row in found.ranges]
    return table(
        ["code", "meaning", "`status_detail`", "at a submit"],
        [
            [code(number), _cell(row.says), code(row.detail), _ACTIONS[row.action]]
            for number, row in [*found.rows.items(), *ranges]
        ],
    )


def _carrier_blocks() -> dict[tuple[str, str], Callable[[], str]]:
    """Return a block for the page of each carrier that has a table of codes."""
    [home] = carriers.__path__
    kinds = sorted(path.parent.name for path in Path(home).glob("*/codes.py"))
    return {
        (f"carriers/{kind}.md", "codes"): partial(codes, found)
        for kind in kinds
        if (found := codes_of(kind)) is not None
    }


# The pages

BLOCKS: Final[dict[tuple[str, str], Callable[[], str]]] = {
    ("send-messages.md", "gate"): gate,
    ("architecture.md", "moves"): moves,
    ("webhooks.md", "words"): words,
    ("webhooks.md", "retries"): retries,
    ("settings.md", "settings"): settings,
    ("metrics.md", "metrics"): metrics,
    ("operate.md", "limits"): limits,
    ("operate/security.md", "door"): door,
    ("cli.md", "commands"): commands,
    ("operate/citus.md", "distribution"): lanes.distribution,
    ("operate/citus.md", "statements"): lanes.where_statements_run,
    ("carriers/smpp.md", "statuses"): statuses,
    **_carrier_blocks(),
}


def filled(page: str, name: str, block: str) -> str:
    """Return a page with a block put between its markers."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    before, found, rest = page.partition(begin)
    _, also_found, after = rest.partition(end)
    if not (found and also_found):
        raise ValueError(f"the markers of {name} are gone")
    return f"{before}{begin}{block}\n{end}{after}"


def stale() -> list[Path]:
    """Return the pages that say something else than the code."""
    return [
        DOCS / page
        for (page, name), block in BLOCKS.items()
        if (text := (DOCS / page).read_text("utf-8")) != filled(text, name, block())
    ]


def main(arguments: Sequence[str]) -> int:
    """Write the blocks anew, or check them; return the exit code."""
    if "--check" in arguments:
        pages = stale()
        for each in pages:
            sys.stderr.write(f"stale: {each}\n")
        return 1 if pages else 0
    for (page, name), block in BLOCKS.items():
        path = DOCS / page
        path.write_text(filled(path.read_text("utf-8"), name, block()), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
