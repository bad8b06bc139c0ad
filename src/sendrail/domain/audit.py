"""The audit log: who did what to data, offers, audiences and texts, when, in which request."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """The actions that the audit log records."""

    ACCOUNT_ADDED = "account.added"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_RESUMED = "account.resumed"
    KEY_ADDED = "key.added"
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
    CONTACT_CHANGED = "contact.changed"
    CONTACT_OPTED_OUT = "contact.opted_out"
    CONTACTS_IMPORTED = "contacts.imported"
    CONTACTS_EXPORTED = "contacts.exported"
    CONTACTS_ERASED = "contacts.erased"
    CONTACTS_RESUBSCRIBED = "contacts.resubscribed"
    REPLY_REVIEWED = "reply.reviewed"
    BLOCK_ADDED = "block.added"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The actor of an entry: an API key, by its prefix, or a user at the command line."""

    name: str
    request_id: str | None = None


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
