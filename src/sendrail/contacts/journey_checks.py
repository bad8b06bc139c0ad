"""What a journey's document names of its account: whether it is there, and the texts it sends."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sendrail.contacts.inputs import find_list_by_id
from sendrail.domain.audience import AudienceStatus
from sendrail.domain.contact import Journey, JourneyStatus
from sendrail.domain.creative import CreativeStatus
from sendrail.domain.ids import AccountId, EndpointId
from sendrail.domain.journeys.document import SendStep, Version
from sendrail.domain.journeys.reading import DocumentReading, read_document
from sendrail.domain.offer import OfferStatus
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import Template, read_template
from sendrail.domain.sender import ListStatus
from sendrail.storage.interface import Tx


def checked(
    tx: Tx, account_id: AccountId, journey: Journey, document: Mapping[str, Any]
) -> DocumentReading:
    """Return a document as it was read, with a fault for each thing that it names and is not.

    Things that are archived are not there. Another journey must be of the same list, since a
    contact is on one list when it enters.
    """
    reading = read_document(document)
    faults = [
        Fault(f"{each.kind}_not_found", f"`{each.param}` names no {each.kind} of yours", each.param)
        for each in reading.references
        if not _LOOKS[each.kind](tx, account_id, journey, each.id)
    ]
    if not faults:
        return reading
    return replace(reading, version=None, faults=(*reading.faults, *faults))


def creative_texts(tx: Tx, account_id: AccountId, version: Version) -> dict[int, Template]:
    """Return the texts of the creatives that a version sends."""
    texts: dict[int, Template] = {}
    for step in version.steps.values():
        if isinstance(step, SendStep) and step.creative_id is not None:
            creative = tx.creatives.find(account_id, step.creative_id)
            template = None if creative is None else read_template(creative.message)
            if isinstance(template, Template):
                texts[step.creative_id] = template
    return texts


def _has_creative(tx: Tx, account_id: AccountId, _journey: Journey, name: int | str) -> bool:
    found = tx.creatives.find(account_id, int(name))
    return found is not None and found.status is not CreativeStatus.ARCHIVED


def _has_offer(tx: Tx, account_id: AccountId, _journey: Journey, name: int | str) -> bool:
    found = tx.offers.by_ref(account_id, str(name))
    return found is not None and found.status is not OfferStatus.ARCHIVED


def _has_journey(tx: Tx, account_id: AccountId, journey: Journey, name: int | str) -> bool:
    found = tx.journeys.by_id(account_id, int(name))
    return (
        found is not None
        and found.list_id == journey.list_id
        and found.status is not JourneyStatus.ARCHIVED
    )


def _has_endpoint(tx: Tx, account_id: AccountId, _journey: Journey, name: int | str) -> bool:
    return tx.endpoints.find(account_id, EndpointId(int(name))) is not None


def _has_list(tx: Tx, account_id: AccountId, _journey: Journey, name: int | str) -> bool:
    found = find_list_by_id(tx, account_id, int(name))
    return found is not None and found.status is not ListStatus.DELETED


def _has_audience(tx: Tx, account_id: AccountId, _journey: Journey, name: int | str) -> bool:
    found = tx.audiences.by_ref(account_id, str(name))
    return found is not None and found.status is not AudienceStatus.ARCHIVED


_LOOKS: Final[Mapping[str, Callable[[Tx, AccountId, Journey, int | str], bool]]] = {
    "creative": _has_creative,
    "offer": _has_offer,
    "journey": _has_journey,
    "endpoint": _has_endpoint,
    "list": _has_list,
    "audience": _has_audience,
}
