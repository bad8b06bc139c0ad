"""Accounts' link settings as rows; what is usual is NULL."""

from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from sendrail.domain.filter_page import PageWords
from sendrail.domain.ids import AccountId
from sendrail.domain.link_settings import LinkSettings
from sendrail.storage.dialect import insert_new
from sendrail.storage.tracking_tables import link_settings

_of: Final = link_settings.c


class LinkSettingsTable:
    """How accounts' links treat visitors; an account that has set nothing has no row."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._connection = connection

    def of(self, account_id: AccountId) -> LinkSettings:
        """Return an account's settings, those of one that has set nothing included."""
        row = self._execute(select(link_settings).where(_of.account_id == account_id)).one_or_none()
        return LinkSettings(account_id) if row is None else _settings(row)

    def everywhere(self) -> dict[AccountId, LinkSettings]:
        """Return the settings of all accounts that have set any."""
        found = map(_settings, self._execute(select(link_settings)))
        return {each.account_id: each for each in found}

    def change(self, account_id: AccountId, **values: Any) -> None:
        """Change columns; a text of None is the usual one again."""
        new = insert_new(self._connection, link_settings)
        self._execute(new.values(account_id=account_id, filter_bots=False))
        if values:
            one = update(link_settings).where(_of.account_id == account_id)
            self._execute(one.values(**values))


def _settings(row: Row[Any]) -> LinkSettings:
    usual = PageWords()
    words = PageWords(
        title=row.page_title or usual.title,
        text=row.page_text or usual.text,
        button=row.page_button or usual.button,
        language=row.page_language or usual.language,
    )
    return LinkSettings(AccountId(row.account_id), row.filter_bots, words)
