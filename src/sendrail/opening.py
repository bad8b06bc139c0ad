"""Opens the database of an installation: within its folder, or on a server that processes share."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog

from sendrail.settings import Settings
from sendrail.storage.data_folder import Folder
from sendrail.storage.interface import Store
from sendrail.storage.sqlite.setup import open_store
from sendrail.storage.sqlite.store import SqliteStore
from sendrail.telemetry import Metrics

_log = structlog.get_logger()


def played_store(
    settings: Settings, folder: Folder, metrics: Metrics, *, serving: bool
) -> AbstractAsyncContextManager[Store]:
    # Only here: nothing that serves needs it.
    from sendrail.storage.sqlite.played import PlayedStore

    return embedded_store(settings, folder, metrics, serving=serving, kind=PlayedStore)


@asynccontextmanager
async def embedded_store(
    _: Settings,
    folder: Folder,
    metrics: Metrics,
    *,
    serving: bool,
    kind: type[SqliteStore] = SqliteStore,
) -> AsyncIterator[Store]:
    folder.prepare()
    if serving:
        folder.lock()
        _make_private(folder)
    try:
        store = open_store(folder, metrics.committed, kind=kind)
        try:
            if serving:
                store.start_checkpoints()
            yield store
        finally:
            await store.close()
    finally:
        folder.unlock()


def _make_private(folder: Folder) -> None:
    if folder.is_open():
        _log.warning("data_folder_open", folder=str(folder.path), remedy="chmod 700")
    if opened := folder.make_private():
        _log.warning("files_made_private", folder=str(folder.path), files=opened)


@asynccontextmanager
async def shared_store(
    settings: Settings, folder: Folder, metrics: Metrics, *, serving: bool
) -> AsyncIterator[Store]:
    # Only here: the driver takes long to load, and most installations are embedded.
    from sendrail.storage.postgres.setup import bring_up_to_date
    from sendrail.storage.postgres.store import PostgresStore

    # The key is made with the schema, and whatever works on the database needs the key.
    unready = PostgresStore(settings.database_url)
    try:
        before = await bring_up_to_date(unready, may_make=serving)
    finally:
        await unready.close()
    folder.prepare(is_new=before is None)
    if serving:
        _make_private(folder)
    store = PostgresStore(settings.database_url, folder.pseudonyms(), on_commit=metrics.committed)
    try:
        if serving:
            store.start_news()
        yield store
    finally:
        await store.close()
