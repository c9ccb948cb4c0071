"""What the REST interface of identity takes and gives."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from app.domains.identity.values import UserView
from app.kernel.clock import utc

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant` is its slug. `otp` waits for second factors and is ignored."""

    tenant: _Text
    email: _Text
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    otp: str | None = None


class Refresh(msgspec.Struct, frozen=True, kw_only=True):
    refresh_token: _Text


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name


class UserJson(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    email: str


class TenantJson(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    slug: str
    name: str
    time_zone: str
    locale: str


class Me(msgspec.Struct, frozen=True, kw_only=True):
    user: UserJson
    tenant: TenantJson
    roles: list[str]
    permissions: list[str]


class PublicKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, str]]


class RoleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: str


class UserOut(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the tenant; `open_sessions` are their sign-ins that still hold."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    joined_at: str
    last_sign_in_at: str | None
    open_sessions: int


def user_out(view: UserView) -> UserOut:
    return UserOut(
        id=view.id,
        name=view.name,
        email=view.email,
        role=view.role.value,
        status=view.status.value,
        joined_at=utc(view.joined_at),
        last_sign_in_at=None if view.last_sign_in_at is None else utc(view.last_sign_in_at),
        open_sessions=view.open_sessions,
    )
