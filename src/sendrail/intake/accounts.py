"""Accounts, their API keys and their blocked words: who may send, and what they never send."""

import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sendrail.domain.account import (
    KEY_PREFIX,
    KEY_RANDOM_LENGTH,
    KEY_SHOWN_LENGTH,
    Account,
    AccountStatus,
    ApiKey,
    key_digest,
)
from sendrail.domain.audit import OURSELVES, Action, Actor
from sendrail.domain.content import distinct_phrases
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId, KeyId, is_row_id
from sendrail.storage.interface import Store, Tx

NAME_LENGTH_MAX: Final = 100
WORDS_MAX: Final = 1_000
WORD_LENGTH_MAX: Final = 100

_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at its creation: the only moment at which `key` itself is known."""

    key: str
    record: ApiKey


class AccountService:
    """Operations on accounts, their keys and their blocked words."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def add(self, name: str, actor: Actor = OURSELVES) -> AccountId:
        """Add an account. Raises `Conflict` where there is one of this name."""
        called, now = account_name_of(name), self._now()

        def add(tx: Tx) -> AccountId:
            added = tx.accounts.add(called, now)
            tx.audit.add(added, actor, Action.ACCOUNT_ADDED, called, {}, now)
            return added

        return await self._store.write(add)

    async def all(self) -> list[Account]:
        return await self._store.read(lambda tx: tx.accounts.all())

    async def find(self, name: str) -> Account:
        """Return the account of a name or an id. Raises `NotFound` where there is none."""
        return await self._store.read(lambda tx: _find(tx, name))

    async def suspend(self, name: str, actor: Actor = OURSELVES) -> Account:
        """Suspend an account's calls and messages, and return it; what waits is dropped."""
        return await self._set(name, AccountStatus.SUSPENDED, Action.ACCOUNT_SUSPENDED, actor)

    async def resume(self, name: str, actor: Actor = OURSELVES) -> Account:
        """Let an account call and send again, and return it."""
        return await self._set(name, AccountStatus.ACTIVE, Action.ACCOUNT_RESUMED, actor)

    async def _set(self, name: str, status: AccountStatus, action: Action, actor: Actor) -> Account:
        now = self._now()

        def change(tx: Tx) -> Account:
            account = _find(tx, name)
            if tx.accounts.set_status(account.id, status):
                tx.audit.add(account.id, actor, action, account.name, {}, now)
            return replace(account, status=status)

        return await self._store.write(change)

    async def create_key(
        self, account_id: AccountId, name: str, actor: Actor = OURSELVES
    ) -> NewKey:
        """Make a key; it is shown here, and never again."""
        called, key, now = account_name_of(name), new_key(), self._now()
        shown = key[:KEY_SHOWN_LENGTH]

        def add(tx: Tx) -> KeyId:
            tx.audit.add(account_id, actor, Action.KEY_ADDED, f"key {shown}", {}, now)
            return tx.accounts.add_key(account_id, called, key_digest(key), shown, now)

        key_id = await self._store.write(add)
        record = ApiKey(id=key_id, name=called, shown=shown, created_at=now, revoked_at=None)
        return NewKey(key, record)

    async def rename_key(
        self, account_id: AccountId, key_id: KeyId, name: str, actor: Actor = OURSELVES
    ) -> None:
        """Give a key another name. Raises `NotFound` when the account has no such key."""
        called = account_name_of(name)

        def rename(tx: Tx) -> None:
            if not (is_row_id(key_id) and tx.accounts.rename_key(account_id, key_id, called)):
                raise NotFound("There is no such key.", code="key_not_found")
            about, now = f"key {key_id}", self._now()
            tx.audit.add(account_id, actor, Action.KEY_CHANGED, about, {"fields": ["name"]}, now)

        await self._store.write(rename)

    async def keys(self, account_id: AccountId) -> list[ApiKey]:
        """Return every key of an account, revoked ones too."""
        return await self._store.read(lambda tx: tx.accounts.keys(account_id))

    async def revoke_key(
        self, account_id: AccountId, key_id: KeyId, actor: Actor = OURSELVES
    ) -> ApiKey:
        """Revoke a key for ever, and return it; to revoke it again changes nothing."""
        now = self._now()

        def revoke(tx: Tx) -> ApiKey:
            key = _revoke(tx, account_id, key_id, now)
            tx.audit.add(account_id, actor, Action.KEY_REVOKED, f"key {key.shown}", {}, now)
            return key

        return await self._store.write(revoke)


def new_key() -> str:
    """Return a fresh API key."""
    return KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(KEY_RANDOM_LENGTH))


def _revoke(tx: Tx, account_id: AccountId, key_id: KeyId, now: int) -> ApiKey:
    if is_row_id(key_id):
        tx.accounts.revoke_key(account_id, key_id, now)
    for key in tx.accounts.keys(account_id):
        if key.id == key_id:
            return key
    raise NotFound(
        f"There is no key {key_id}; `sendrail keys list` shows them.", code="key_not_found"
    )


def _find(tx: Tx, name: str) -> Account:
    if (account := tx.accounts.named(name)) is None:
        raise NotFound(
            f"There is no account {name}; `sendrail accounts list` shows them.",
            code="account_not_found",
        )
    return account


def account_name_of(text: str) -> str:
    """Return the name of an account or a key as it is kept. Raises `InvalidInput`."""
    name = text.strip()
    if not name or len(name) > NAME_LENGTH_MAX:
        raise InvalidInput(
            f"A name has 1 to {NAME_LENGTH_MAX} characters.", code="invalid_name", param="name"
        )
    return name


def blocked_words_of(words: Sequence[str]) -> list[str]:
    """Return blocked words as they are kept. Raises `InvalidInput` for one that cannot be."""
    kept = distinct_phrases(words)
    if any("," in word or len(word) > WORD_LENGTH_MAX for word in kept):
        raise InvalidInput(
            f"A blocked word has no comma in it and at most {WORD_LENGTH_MAX} characters.",
            param="blocked_words",
        )
    if len(kept) > WORDS_MAX:
        raise InvalidInput(
            f"An account has at most {WORDS_MAX:,} blocked words.", param="blocked_words"
        )
    return kept
