"""People who use the dashboard: what a role may do, and the rules of addresses and passwords."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId

# As in the public product (its page on user settings).
PASSWORD_LENGTH_MIN: Final = 8
# Far over what a person types; a bound on what is hashed.
PASSWORD_LENGTH_MAX: Final = 1_000
# A session ends after so long, and after so long without use.
SESSION_DAYS_MAX: Final = 30
SESSION_IDLE_DAYS_MAX: Final = 7
EMAIL_LENGTH_MAX: Final = 254
_NAME_LENGTH_MAX: Final = 100
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+").fullmatch


class Role(StrEnum):
    """What a user is in an account (public product, "Team management")."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What a request to the dashboard needs."""

    # Figures and settings: nothing in them names a recipient.
    SEE_FIGURES = "see_figures"
    # Recipients' numbers and the texts that they get.
    SEE_PEOPLE = "see_people"
    # Send, and change what is sent and to whom.
    SEND = "send"
    # Keys, team, connectors, webhooks, erasure.
    MANAGE = "manage"
    # The installation, and every account of it.
    OPERATE = "operate"


_VIEWER: Final = frozenset({Permission.SEE_FIGURES})
_MEMBER: Final = _VIEWER | {Permission.SEE_PEOPLE, Permission.SEND}
_OWNER: Final = _MEMBER | {Permission.MANAGE}
PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _VIEWER,
    Role.MEMBER: _MEMBER,
    Role.OWNER: _OWNER,
}


def permissions_of(role: Role | None, *, is_operator: bool) -> frozenset[Permission]:
    """Return what a user may do in an account: an operator everything, a stranger nothing."""
    if is_operator:
        return frozenset(Permission)
    return frozenset() if role is None else PERMISSIONS[role]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who can sign in; `has_password` only once an invitation was accepted.

    Times are milliseconds since the epoch.
    """

    id: int
    email: str
    name: str
    is_operator: bool
    has_password: bool
    has_totp: bool
    created_at: int
    disabled_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A user's role in an account, which may be suspended."""

    account_id: AccountId
    account: str
    role: Role
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSession:
    """A user's signed-in browser; `confirmed_at` is when it last showed the password."""

    id: int
    user_id: int
    account_id: AccountId
    created_at: int
    used_at: int
    confirmed_at: int
    agent: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link with which a password is set: for a place in a team, or after the old one is lost.

    `user_id` is set for a person who is a user already.
    """

    id: int
    account_id: AccountId
    email: str
    role: Role
    is_operator: bool
    user_id: int | None
    created_at: int
    expires_at: int


def email_of(text: str) -> str:
    """Return an address as it is kept, in small letters. Raises `InvalidInput`."""
    email = text.strip().lower()
    if len(email) > EMAIL_LENGTH_MAX or not _EMAIL(email):
        raise InvalidInput("An address is written like ana@example.com.", param="email")
    return email


def user_name_of(text: str) -> str:
    """Return a person's name as it is kept. Raises `InvalidInput`."""
    name = " ".join(text.split())
    if not name or len(name) > _NAME_LENGTH_MAX or not name.isprintable():
        raise InvalidInput(f"A name has 1 to {_NAME_LENGTH_MAX} characters.", param="name")
    return name


def password_of(text: str) -> str:
    """Return a password that is long enough. Raises `InvalidInput`."""
    if not PASSWORD_LENGTH_MIN <= len(text) <= PASSWORD_LENGTH_MAX:
        raise InvalidInput(
            f"A password has at least {PASSWORD_LENGTH_MIN} characters, and at most "
            f"{PASSWORD_LENGTH_MAX:,}.",
            param="password",
        )
    return text
