"""The audit log: who did what to data, offers, audiences and texts, when, in which request."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sendrail.domain.ids import AccountId


class Action(StrEnum):
    """The actions that the audit log records."""

    ACCOUNT_ADDED = "account.added"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_RESUMED = "account.resumed"
    KEY_ADDED = "key.added"
    KEY_CHANGED = "key.changed"
    KEY_REVOKED = "key.revoked"
    USER_INVITED = "user.invited"
    USER_JOINED = "user.joined"
    USER_ROLE_CHANGED = "user.role_changed"
    USER_REMOVED = "user.removed"
    USER_RESET = "user.reset"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    INVITATION_ENDED = "invitation.ended"
    ACCOUNT_CHANGED = "account.changed"
    CONTACT_ADDED = "contact.added"
    CONTACTS_ADDED = "contacts.added"
    CONTACT_CHANGED = "contact.changed"
    CONTACT_OPTED_OUT = "contact.opted_out"
    IMPORT_BEGUN = "import.begun"
    CONTACTS_IMPORTED = "contacts.imported"
    CONTACTS_EXPORTED = "contacts.exported"
    CONTACTS_ERASED = "contacts.erased"
    CONTACTS_RESUBSCRIBED = "contacts.resubscribed"
    REPLY_REVIEWED = "reply.reviewed"
    LIST_ADDED = "list.added"
    LIST_CHANGED = "list.changed"
    LISTS_IMPORTED = "lists.imported"
    CONNECTOR_ADDED = "connector.added"
    CONNECTOR_CHANGED = "connector.changed"
    CONNECTOR_REMOVED = "connector.removed"
    SENDER_ASSIGNED = "sender.assigned"
    SENDER_RELEASED = "sender.released"
    ENDPOINT_ADDED = "endpoint.added"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_REMOVED = "endpoint.removed"
    ENDPOINT_SECRET_REPLACED = "endpoint.secret_replaced"  # noqa: S105 - the name of an action
    BLOCK_ADDED = "block.added"
    BLOCKS_ADDED = "blocks.added"
    BLOCK_REMOVED = "block.removed"
    BLOCKS_IMPORTED = "blocks.imported"
    BLOCKS_EXPORTED = "blocks.exported"
    AUDIENCE_ADDED = "audience.added"
    AUDIENCE_CHANGED = "audience.changed"
    AUDIENCE_ARCHIVED = "audience.archived"
    DOMAIN_ADDED = "domain.added"
    DOMAIN_CHANGED = "domain.changed"
    DOMAIN_REMOVED = "domain.removed"
    LINK_SETTINGS_CHANGED = "link_settings.changed"
    HISTORY_IMPORTED = "history.imported"
    HISTORY_CLEARED = "history.cleared"
    CLICKS_RECLASSIFIED = "clicks.reclassified"
    POSTBACKS_CHANGED = "postbacks.changed"
    POSTBACK_SECRET_REPLACED = "postbacks.secret_replaced"  # noqa: S105 - the name of an action
    OFFER_ADDED = "offer.added"
    OFFER_CHANGED = "offer.changed"
    OFFER_ARCHIVED = "offer.archived"
    OFFER_SECRET_REPLACED = "offer.secret_replaced"  # noqa: S105 - the name of an action
    CREATIVE_ADDED = "creative.added"
    CREATIVE_CHANGED = "creative.changed"
    CREATIVE_ARCHIVED = "creative.archived"
    SCHEDULE_ADDED = "schedule.added"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_ARCHIVED = "schedule.archived"
    RUN_STARTED = "run.started"
    RUN_PAUSED = "run.paused"
    RUN_RESUMED = "run.resumed"
    RUN_STOPPED = "run.stopped"
    JOURNEY_ADDED = "journey.added"
    JOURNEY_CHANGED = "journey.changed"
    JOURNEY_ACTIVATED = "journey.activated"
    JOURNEY_ARCHIVED = "journey.archived"
    JOURNEY_MIGRATED = "journey.migrated"
    JOURNEY_REMOVED = "journey.removed"
    JOURNEY_TASK_STARTED = "journey.task_started"
    JOURNEY_TASK_STOPPED = "journey.task_stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The actor of an entry: an API key, by its prefix, or a user at the command line."""

    name: str
    request_id: str | None = None


# Who acts where no person and no key does: the demonstration, or a first start.
OURSELVES: Final = Actor(name="sendrail")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry of the audit log; `about` names the object, and never a person's number."""

    id: int
    at: int
    actor: str
    action: str
    about: str
    request_id: str | None
    details: Mapping[str, Any]


class BegunImport(NamedTuple):
    """An import that has begun: what its end is called, and what it is about."""

    account_id: AccountId
    action: Action
    about: str
    at: int
