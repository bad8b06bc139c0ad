"""Versions of a journey: what is different between two, and contacts who move to the newest."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sendrail.contacts.journey_documents import VERSIONS_MAX, JourneyDetails
from sendrail.contacts.journey_progress import VersionCounts
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_changes import changes_between
from sendrail.dashboard.journey_view import LOOKS
from sendrail.dashboard.journey_words import step_text
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.journeys.document import Version
from sendrail.domain.journeys.migrating import Migration, RestPolicy, resting_steps
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.user import Permission

_DRAFT: Final = "draft"
_STAY, _END, _STEP = "stay", "end", "to:"


class RestingPlace(NamedTuple):
    """A step of older versions at which contacts rest: `to` is where they go by default."""

    step: str
    title: str
    versions: Sequence[int]
    here: int
    to: str


async def versions(ask: PageRequest) -> Response:
    """Show what is different between two versions, the draft among them."""
    found = await _found(ask)
    numbers = await _numbers(ask, found)
    names = [*([_DRAFT] if found.journey.draft else []), *map(str, numbers)]
    after = _one_of(ask.query.get("after", ""), names, names[0] if names else "")
    older = names[names.index(after) + 1 :] if after else []
    before = _one_of(ask.query.get("before", ""), names, older[0] if older else after)
    changes = None
    if after:
        changes = changes_between(
            await _document(ask, found, before), await _document(ask, found, after)
        )
    return ask.page(
        "journey_versions.html",
        journey=found.journey,
        looks=LOOKS,
        names=names,
        before=before,
        after=after,
        changes=changes,
    )


async def migrate_page(ask: PageRequest) -> Response:
    """Show who is on older versions, and ask where each step of theirs leads."""
    return await _migration(ask, None)


async def migrate(ask: PageRequest) -> Response:
    """Begin to move contacts of older versions to the one that is active."""
    found = await _found(ask)
    older = await _older(ask, found)
    sources = [each.version for each, _ in older if f"from.{each.version}" in ask.form]
    steps: dict[str, str | None] = {}
    for place in _places([each for each in older if each[0].version in sources], None):
        way = ask.form.get(f"to.{place.step}", _STAY)
        if way != _STAY:
            steps[place.step] = None if way == _END else way.removeprefix(_STEP)
    if not sources:
        return await _migration(ask, InvalidInput("Choose a version that is left."))
    try:
        migration = Migration(sources=frozenset(sources), steps=steps, rest=RestPolicy.STAY)
        documents = ask.runtime.journey_documents
        await documents.migrate(ask.account, found.journey.id, migration, ask.actor)
    except InvalidInput as fault:
        return await _migration(ask, fault)
    return ask.go(f"/journeys/{found.journey.id}", "Contacts are being moved.")


async def archive_page(ask: PageRequest) -> Response:
    """Ask before a journey ends for all contacts on it."""
    found = await _found(ask)
    return ask.page("journey_archive.html", journey=found.journey)


async def archive(ask: PageRequest) -> Response:
    """End a journey for all contacts on it; one that never had a version is deleted."""
    journey_id = ask.number("journey_id")
    deleted = await ask.runtime.journey_documents.remove(ask.account, journey_id, ask.actor)
    if deleted:
        return ask.go("/journeys", "The journey is deleted.")
    return ask.go(f"/journeys/{journey_id}", "The journey is archived.")


async def _migration(ask: PageRequest, fault: InvalidInput | None) -> Response:
    found = await _found(ask)
    older = await _older(ask, found)
    target = _read(json.loads(found.active.document)) if found.active else None
    return ask.page(
        "journey_migrate.html",
        status=400 if fault else 200,
        fault=fault,
        journey=found.journey,
        looks=LOOKS,
        older=[(counts.version, _on(counts)) for counts, _ in older],
        places=_places(older, target) if target else [],
        steps=[(name, step_text(step).title) for name, step in target.steps.items()]
        if target
        else [],
    )


async def _found(ask: PageRequest) -> JourneyDetails:
    return await ask.runtime.journey_documents.show(ask.account, ask.number("journey_id"))


async def _numbers(ask: PageRequest, found: JourneyDetails) -> list[int]:
    page = await ask.runtime.journey_documents.versions(
        ask.account, found.journey.id, per_page=VERSIONS_MAX
    )
    return [each.version for each in page.versions]


async def _older(ask: PageRequest, found: JourneyDetails) -> list[tuple[VersionCounts, Version]]:
    """Return the versions that contacts are on and do not enter any more, the newest first."""
    older = []
    for number in await _numbers(ask, found):
        if number == found.journey.active_version:
            continue
        counts = await ask.runtime.journey_progress.stats(ask.account, found.journey.id, number)
        if not _on(counts):
            continue
        version = _read(await _document(ask, found, str(number)))
        if version is not None:
            older.append((counts, version))
    return older


def _places(
    older: Sequence[tuple[VersionCounts, Version]], target: Version | None
) -> list[RestingPlace]:
    """Return the steps at which contacts can rest, each once, in the order of the documents."""
    found: dict[str, RestingPlace] = {}
    for counts, version in older:
        here = {each.step: each.here for each in counts.steps}
        for name in resting_steps(version):
            was = found.get(name)
            # The same step is a way on, if it is still of the same kind.
            same = target.steps.get(name) if target else None
            to = f"{_STEP}{name}" if type(same) is type(version.steps[name]) else _STAY
            found[name] = RestingPlace(
                step=name,
                title=was.title if was else step_text(version.steps[name]).title,
                versions=[*(was.versions if was else ()), counts.version],
                here=(was.here if was else 0) + here.get(name, 0),
                to=to if was is None or was.to == to else _STAY,
            )
    return list(found.values())


async def _document(ask: PageRequest, found: JourneyDetails, name: str) -> dict[str, Any]:
    if name == _DRAFT:
        draft: dict[str, Any] = json.loads(found.journey.draft or "{}")
        return draft
    stored = await ask.runtime.journey_documents.version(ask.account, found.journey.id, int(name))
    document: dict[str, Any] = json.loads(stored.document)
    return document


def _read(document: Mapping[str, Any]) -> Version | None:
    return read_document(document).version


def _on(counts: VersionCounts) -> int:
    return max(0, counts.entered - sum(counts.ended.values()))


def _one_of(wanted: str, names: Sequence[str], default: str) -> str:
    if wanted and wanted not in names:
        raise NotFound("The journey has no such version.")
    return wanted or default


_AT: Final = "/journeys/{journey_id}"
ROUTES: Final = (
    PageRoute(route=f"GET {_AT}/versions", answer=versions, permission=Permission.SEE_PEOPLE),
    PageRoute(route=f"GET {_AT}/migrate", answer=migrate_page, permission=Permission.SEND),
    PageRoute(route=f"POST {_AT}/migrate", answer=migrate, permission=Permission.SEND),
    PageRoute(route=f"GET {_AT}/archive", answer=archive_page, permission=Permission.SEND),
    PageRoute(route=f"POST {_AT}/archive", answer=archive, permission=Permission.SEND),
)
