"""Reads of identity: whom a credential names, and who belongs to the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.domains.identity.values import (
    Candidate,
    Identified,
    MembershipStatus,
    MembershipView,
    Role,
    TenantView,
    UserView,
)
from app.kernel.database import ask_across_tenants, fetch, fetch_row, fetch_value, matching
from app.kernel.errors import NotFound
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey
from app.settings import settings


async def session_of(*, digest: bytes, is_use: bool) -> Identified | None:
    """Whom the session names now, or nothing; `is_use` is noted, at most once a minute."""
    look_up = "session_lookup" if is_use else "session_glance"
    rows = await ask_across_tenants(
        f"SELECT * FROM {look_up}($1, $2)", digest, settings().session_idle_seconds
    )
    return _identified(rows[0]) if rows else None


async def sessions_alive(*, digests: Sequence[bytes]) -> set[bytes]:
    """Which of these sessions still hold. Asking does not count as using them."""
    rows = await ask_across_tenants(
        "SELECT sessions_alive($1, $2) AS digest", digests, settings().session_idle_seconds
    )
    return {row["digest"] for row in rows}


async def token_holder(*, family_id: UUID, membership_id: UUID) -> Identified | None:
    """Whom an access token of the family names now; nothing once the family is revoked."""
    rows = await ask_across_tenants("SELECT * FROM token_lookup($1, $2)", family_id, membership_id)
    return _identified(rows[0]) if rows else None


async def candidates(*, account_id: UUID, tenant_slug: str = "") -> list[Candidate]:
    """Where the account may sign in: the named tenant, or all of its tenants."""
    rows = await ask_across_tenants("SELECT * FROM sign_in_lookup($1, $2)", account_id, tenant_slug)
    return [
        Candidate(
            membership_id=row["membership_id"],
            name=row["name"],
            role=Role(row["role"]),
            tenant=_tenant(row),
        )
        for row in rows
    ]


async def names_of(*, membership_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Names by membership; ids that are not the tenant's are left out."""
    rows = await fetch(
        "SELECT m.id, a.name FROM membership m JOIN account a ON a.id = m.account_id"
        " WHERE m.id = ANY ($1)",
        list(membership_ids),
    )
    return {row["id"]: row["name"] for row in rows}


async def membership(*, membership_id: UUID) -> MembershipView:
    """One membership of the tenant; raises `NotFound`."""
    row = await fetch_row(f"{_MEMBERSHIP} WHERE m.id = $1", membership_id)
    if row is None:
        raise NotFound
    return _membership(row)


async def memberships() -> list[MembershipView]:
    """Everybody who may sign in to the tenant, in the order they joined."""
    rows = await fetch(
        f"{_MEMBERSHIP} WHERE m.status = 'active' AND a.status = 'active' ORDER BY m.id"
    )
    return [_membership(row) for row in rows]


async def address_of(membership_id: UUID) -> str | None:
    """Where mail for an active member of the tenant goes; nothing for anybody else."""
    address: str | None = await fetch_value(
        "SELECT a.email FROM membership m JOIN account a ON a.id = m.account_id"
        " WHERE m.id = $1 AND m.status = 'active' AND a.status = 'active'",
        membership_id,
    )
    return address


async def members_with_role(*, role: Role) -> list[UUID]:
    rows = await fetch(
        "SELECT id FROM membership WHERE role = $1 AND status = 'active' ORDER BY id", role.value
    )
    return [row["id"] for row in rows]


_LAST_SIGN_IN = """
    greatest(
      (SELECT max(s.created_at) FROM session s WHERE s.membership_id = m.id),
      (SELECT max(f.created_at) FROM refresh_family f WHERE f.membership_id = m.id)
    )
"""
# $1: how long a session may be idle.
_USER = f"""
    m.id, a.name, a.email, m.role, m.status, m.created_at, {_LAST_SIGN_IN} AS last_sign_in_at,
    (SELECT count(*) FROM session s WHERE s.membership_id = m.id AND s.ended_at IS NULL
      AND s.expires_at > clock_timestamp()
      AND s.last_seen_at > clock_timestamp() - make_interval(secs => $1))
    + (SELECT count(*) FROM refresh_family f WHERE f.membership_id = m.id
      AND f.revoked_at IS NULL AND f.expires_at > clock_timestamp()) AS open_sessions
"""
_PEOPLE = "FROM membership m JOIN account a ON a.id = m.account_id"
_MATCHING = f"""
    {_PEOPLE} WHERE $1::double precision IS NOT NULL
    AND ($2::text IS NULL OR m.role = $2) AND ($3::text IS NULL OR m.status = $3)
    AND (position(lower($4) IN lower(a.name)) > 0 OR position(lower($4) IN a.email) > 0)
"""
USERS = Sorting(
    keys={
        "name": SortKey("lower(a.name)", "text"),
        "role": SortKey("m.role", "text"),
        "status": SortKey("m.status", "text"),
        # Who never signed in did so longest ago.
        "last_sign_in_at": SortKey(f"coalesce({_LAST_SIGN_IN}, '-infinity')", "timestamptz"),
    },
    default="name",
    tie="m.id",
)


class UserFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`words` is any part of a name or an address."""

    role: Role | None = None
    status: MembershipStatus | None = None
    words: str = ""

    @property
    def arguments(self) -> tuple[Any, ...]:
        role = self.role.value if self.role else None
        status = self.status.value if self.status else None
        return settings().session_idle_seconds, role, status, self.words


EVERY_USER = UserFilter()


async def users(
    *,
    chosen: UserFilter = EVERY_USER,
    order: Order = USERS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[UserView]:
    """People of the tenant."""
    rows = await fetch(
        f"SELECT {_USER}, {order.column} {_MATCHING} AND {order.behind(after, argument=5)}"
        f" {order.clause} LIMIT $7",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    return order.sliced(rows, limit=limit, rows=[_user(row) for row in rows[:limit]])


async def user_count(*, chosen: UserFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)


async def user(*, membership_id: UUID) -> UserView:
    """One person of the tenant; raises `NotFound`."""
    row = await fetch_row(
        f"SELECT {_USER} {_PEOPLE} WHERE m.id = $2", settings().session_idle_seconds, membership_id
    )
    if row is None:
        raise NotFound
    return _user(row)


def _user(row: Any) -> UserView:
    return UserView(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        role=Role(row["role"]),
        status=MembershipStatus(row["status"]),
        joined_at=row["created_at"],
        last_sign_in_at=row["last_sign_in_at"],
        open_sessions=row["open_sessions"],
    )


_MEMBERSHIP = (
    "SELECT m.id, m.role, a.name, a.email FROM membership m JOIN account a ON a.id = m.account_id"
)


def _membership(row: Any) -> MembershipView:
    return MembershipView(
        id=row["id"], name=row["name"], email=row["email"], role=Role(row["role"])
    )


def _tenant(row: Any) -> TenantView:
    return TenantView(
        id=row["tenant_id"],
        slug=row["slug"],
        name=row["tenant_name"],
        time_zone=row["time_zone"],
        locale=row["locale"],
    )


def _identified(row: Any) -> Identified:
    return Identified(
        credential_id=row["credential_id"],
        membership_id=row["membership_id"],
        name=row["name"],
        email=row["email"],
        role=Role(row["role"]),
        tenant=_tenant(row),
    )
