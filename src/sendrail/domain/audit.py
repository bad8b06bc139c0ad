"""What was done to people's data: who did what, when, and in which request."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What is kept for an auditor."""

    ACCOUNT_ADDED = "account.added"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_RESUMED = "account.resumed"
    CONTACTS_IMPORTED = "contacts.imported"
    CONTACTS_EXPORTED = "contacts.exported"
    CONTACTS_ERASED = "contacts.erased"
    CONTACTS_RESUBSCRIBED = "contacts.resubscribed"
    BLOCKS_IMPORTED = "blocks.imported"
    BLOCKS_EXPORTED = "blocks.exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something: an API key by its beginning, or a user at the command line."""

    name: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done; `about` names it, and no person by number."""

    id: int
    at: int
    actor: str
    action: str
    about: str
    request_id: str | None
    details: Mapping[str, Any]
