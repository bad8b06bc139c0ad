"""Lists with what stands around them: their links by name, their answers, their contacts."""

from collections.abc import Mapping
from dataclasses import dataclass

from sendrail.domain.answers import AnswerTexts
from sendrail.domain.ids import AccountId, LinkId
from sendrail.domain.sender import Link, ListStatus, SendingList
from sendrail.storage.interface import Tx
from sendrail.storage.rows import ContactFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDetails:
    """A list, its links, what it answers to keywords, and how many are active on it.

    A link that was removed after its last list was deleted is None.
    """

    sender: SendingList
    link: Link | None
    second_link: Link | None
    answers: AnswerTexts
    contacts: int


def all_details(tx: Tx, account_id: AccountId, status: ListStatus | None) -> list[ListDetails]:
    """Return the account's lists of one status, or of any but deleted."""
    contacts = tx.signups.active_of_lists(account_id)
    answers = tx.lists.all_answer_texts(account_id)
    links = _links(tx)
    return [
        _details(sender, links, answers[sender.id], contacts.get(sender.id, 0))
        for sender in tx.lists.all(account_id, status)
    ]


def details(tx: Tx, sender: SendingList) -> ListDetails:
    """Return a list of the account with what stands around it."""
    answers = tx.lists.answer_texts(sender.account_id, sender.id)
    contacts = tx.signups.count(sender.account_id, ContactFilter(sender.id, active=True))
    return _details(sender, _links(tx), answers, contacts)


def _links(tx: Tx) -> dict[LinkId, Link]:
    return {link.id: link for link in tx.links.all()}


def _details(
    sender: SendingList, links: Mapping[LinkId, Link], answers: AnswerTexts, contacts: int
) -> ListDetails:
    second = sender.second_link_id
    return ListDetails(
        sender=sender,
        link=links.get(sender.link_id),
        second_link=None if second is None else links.get(second),
        answers=answers,
        contacts=contacts,
    )
