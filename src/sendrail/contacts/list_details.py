"""Lists with what stands around them: their connectors by name, their texts, their contacts."""

from collections.abc import Mapping
from dataclasses import dataclass

from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.frame import OwnFrame
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.sender import Connector, ListStatus, SendingList
from sendrail.storage.contacts.signups import ContactFilter
from sendrail.storage.interface import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDetails:
    """A list, its connectors, what it answers to keywords, and how many are active on it.

    A connector that was removed after its last list was deleted is None.
    """

    sender: SendingList
    connector: Connector | None
    second_connector: Connector | None
    answers: AnswerTexts
    own_frame: OwnFrame
    contacts: int


def all_details(tx: Tx, account_id: AccountId, status: ListStatus | None) -> list[ListDetails]:
    """Return the account's lists of one status, or of any but deleted."""
    contacts = tx.signups.active_of_lists(account_id)
    answers = tx.lists.all_answer_texts(account_id)
    frames = tx.lists.own_frames(account_id)
    connectors = _connectors(tx, account_id)
    return [
        _details(
            sender,
            connectors,
            answers[sender.id],
            frames[sender.id],
            contacts.get(sender.id, 0),
        )
        for sender in tx.lists.all(account_id, status)
    ]


def details(tx: Tx, sender: SendingList) -> ListDetails:
    """Return a list of the account with what stands around it."""
    answers = tx.lists.answer_texts(sender.account_id, sender.id)
    contacts = tx.signups.count(sender.account_id, ContactFilter(sender.id, active=True))
    own_frame = tx.lists.own_frame(sender.account_id, sender.id)
    return _details(sender, _connectors(tx, sender.account_id), answers, own_frame, contacts)


def _connectors(tx: Tx, account_id: AccountId) -> dict[ConnectorId, Connector]:
    return {connector.id: connector for connector in tx.connectors.usable(account_id)}


def _details(
    sender: SendingList,
    connectors: Mapping[ConnectorId, Connector],
    answers: AnswerTexts,
    own_frame: OwnFrame,
    contacts: int,
) -> ListDetails:
    second = sender.second_connector_id
    return ListDetails(
        sender=sender,
        connector=connectors.get(sender.connector_id),
        second_connector=None if second is None else connectors.get(second),
        answers=answers,
        own_frame=own_frame,
        contacts=contacts,
    )
