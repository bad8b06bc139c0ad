"""Replies as an account reads them, and the words it adds to those that mean STOP."""

from collections.abc import Callable, Sequence
from typing import Final

from sendrail.contacts.inputs import PAGE_SIZE, owned_list, slice_of
from sendrail.domain.consent import Keyword, fold, read_reply
from sendrail.domain.content import distinct_phrases
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.reply_log import ReplyFilter, StoredReply

STOP_WORDS_MAX: Final = 100
STOP_WORD_LENGTH_MAX: Final = 50
# A count on a page goes no further.
COUNT_MAX: Final = 100


class ReplyService:
    """Queries of replies, and the account's own words for STOP."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def page(
        self,
        account_id: AccountId,
        *,
        list_number: PhoneNumber | None = None,
        keyword: Keyword | None = None,
        review: bool = False,
        sender: PhoneNumber | None = None,
        unread: bool = False,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> Sequence[StoredReply]:
        """Return one page of replies, newest first; `review` means those for a person to decide.

        `sender` is the contact that they came from; `unread` are those not read yet.
        """
        offset, limit = slice_of(page, per_page)
        about = ReplyFilter(
            list_number=list_number, keyword=keyword, review=review, sender=sender, unread=unread
        )

        def read(tx: Tx) -> Sequence[StoredReply]:
            if list_number is not None:
                owned_list(tx, account_id, list_number)
            return tx.reply_log.page(account_id, about, offset, limit)

        return await self._store.read(read)

    async def waiting(self, account_id: AccountId) -> tuple[int, int]:
        """Return how many are unread and how many wait for a review, each `COUNT_MAX` at most."""
        return await self._store.read(lambda tx: tx.reply_log.count(account_id, COUNT_MAX))

    async def see(self, account_id: AccountId, ids: Sequence[int]) -> None:
        """Note that a user of the account has read these replies."""
        if ids:
            await self._store.write(lambda tx: tx.reply_log.see(account_id, ids, self._now()))


def stop_words_of(words: Sequence[str]) -> list[str]:
    """Return words for STOP as they are kept. Raises `InvalidInput` for one that cannot be."""
    kept = distinct_phrases(words)
    if len(kept) > STOP_WORDS_MAX:
        raise InvalidInput(f"An account has at most {STOP_WORDS_MAX} words.", param="stop_words")
    for word in kept:
        _refuse_unusable(word)
    return kept


def _refuse_unusable(word: str) -> None:
    if "," in word or len(word) > STOP_WORD_LENGTH_MAX or not fold(word):
        raise InvalidInput(
            f"A word for STOP has letters, no comma, and at most {STOP_WORD_LENGTH_MAX} "
            "characters.",
            param="stop_words",
        )
    if read_reply(word).keyword in {Keyword.START, Keyword.HELP}:
        raise InvalidInput(
            f"{word} has a meaning already: it cannot mean STOP.", param="stop_words"
        )
