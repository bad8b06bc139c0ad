"""Lists with what stands around them: their connectors by name, their texts, their contacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.audience import SAMPLE_STEP, band_of
from sendrail.domain.frame import OwnFrame
from sendrail.domain.ids import AccountId, ConnectorId, ListId
from sendrail.domain.sender import Connector, ListStatus, SendingList
from sendrail.storage.contacts.signups import ContactFilter
from sendrail.storage.interface import Tx

# So many contacts of all lists together are counted to the last, and so many of each.
_COUNTED_MAX: Final = 100_000
_COUNTED_MIN: Final = 10_000
# How many there are, and from and to how many where that is an estimate.
_Contacts = tuple[int, tuple[int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDetails:
    """A list, its connectors, what it answers to keywords, and how many are active on it.

    A connector that was removed after its last list was deleted is None. Where `contacts` is an
    estimate, `contacts_band` is from and to how many they are, with a confidence of 95 %.
    """

    sender: SendingList
    connector: Connector | None
    second_connector: Connector | None
    answers: AnswerTexts
    own_frame: OwnFrame
    contacts: int
    contacts_band: tuple[int, int] | None = None


def all_details(
    tx: Tx, account_id: AccountId, status: ListStatus | None, *, estimated: bool = False
) -> list[ListDetails]:
    """Return the account's lists of one status, or of any but deleted.

    To count a million contacts takes longer than a page should: `estimated`, no list of many is
    counted to the last.
    """
    senders = tx.lists.all(account_id, status)
    ids = [each.id for each in senders]
    contacts = (
        _estimates(tx, account_id, ids)
        if estimated
        else {of: (count, None) for of, count in tx.signups.active_of_lists(account_id).items()}
    )
    answers = tx.lists.all_answer_texts(account_id)
    frames = tx.lists.own_frames(account_id)
    connectors = _connectors(tx, account_id)
    return [
        _details(
            sender,
            connectors,
            answers[sender.id],
            frames[sender.id],
            contacts.get(sender.id, (0, None)),
        )
        for sender in senders
    ]


def details(tx: Tx, sender: SendingList, *, estimated: bool = False) -> ListDetails:
    """Return a list of the account with what stands around it; `estimated` as of `all_details`."""
    contacts: _Contacts
    if estimated:
        contacts = _estimates(tx, sender.account_id, [sender.id])[sender.id]
    else:
        about = ContactFilter(sender.id, active=True)
        contacts = tx.signups.count(sender.account_id, about), None
    return replace(uncounted(tx, sender), contacts=contacts[0], contacts_band=contacts[1])


def uncounted(tx: Tx, sender: SendingList) -> ListDetails:
    """Return the same without its contacts, which take long to count: as if there were none."""
    answers = tx.lists.answer_texts(sender.account_id, sender.id)
    own_frame = tx.lists.own_frame(sender.account_id, sender.id)
    return _details(sender, _connectors(tx, sender.account_id), answers, own_frame, (0, None))


def _estimates(
    tx: Tx, account_id: AccountId, list_ids: Sequence[ListId]
) -> dict[ListId, _Contacts]:
    """Return how many active contacts lists have: of few to the last, of many by a sample."""
    most = max(_COUNTED_MIN, _COUNTED_MAX // max(1, len(list_ids)))
    found: dict[ListId, _Contacts] = {}
    for list_id, size in tx.signups.sizes_of_lists(account_id, list_ids, most + 1).items():
        if size.counted <= most:
            found[list_id] = size.counted, None
        else:
            contacts = max(size.counted, size.sampled * SAMPLE_STEP)
            # Those that were counted are there, whatever the sample says.
            low, high = band_of(size.sampled)
            found[list_id] = contacts, (max(size.counted, low), max(size.counted, high))
    return found


def _connectors(tx: Tx, account_id: AccountId) -> dict[ConnectorId, Connector]:
    return {connector.id: connector for connector in tx.connectors.usable(account_id)}


def _details(
    sender: SendingList,
    connectors: Mapping[ConnectorId, Connector],
    answers: AnswerTexts,
    own_frame: OwnFrame,
    contacts: _Contacts,
) -> ListDetails:
    second = sender.second_connector_id
    return ListDetails(
        sender=sender,
        connector=connectors.get(sender.connector_id),
        second_connector=None if second is None else connectors.get(second),
        answers=answers,
        own_frame=own_frame,
        contacts=contacts[0],
        contacts_band=contacts[1],
    )
