"""The structs and enums of identity."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Role(StrEnum):
    member = "member"
    rm = "rm"
    trader = "trader"
    operations = "operations"
    compliance = "compliance"
    admin = "admin"


class AccountStatus(StrEnum):
    active = "active"
    deactivated = "deactivated"


class MembershipStatus(StrEnum):
    active = "active"
    deactivated = "deactivated"


class SignInMethod(StrEnum):
    password = "password"  # noqa: S105 - the name of the method
    single_sign_on = "single_sign_on"


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    slug: str
    name: str
    time_zone: str
    locale: str


class MembershipView(msgspec.Struct, frozen=True, kw_only=True):
    """One person within the tenant."""

    id: UUID
    name: str
    email: str
    role: Role


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the tenant as an administrator sees them. All times are real.

    `last_sign_in_at` is by browser or over REST; `open_sessions` counts browsers' sessions and
    sign-ins over REST that still hold.
    """

    id: UUID
    name: str
    email: str
    role: Role
    status: MembershipStatus
    joined_at: datetime
    last_sign_in_at: datetime | None
    open_sessions: int


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a session's cookie or an access token names, as they are now.

    `credential_id` is the session's id, or the refresh family's.
    """

    credential_id: UUID
    membership_id: UUID
    name: str
    email: str
    role: Role
    tenant: TenantView


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A membership that somebody who proves to be its account may sign in to."""

    membership_id: UUID
    name: str
    role: Role
    tenant: TenantView


class OpenedSession(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is the cookie's value: it leaves the process once and is stored as a hash."""

    id: UUID
    secret: str
    expires_at: datetime


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str
    expires_in: int
