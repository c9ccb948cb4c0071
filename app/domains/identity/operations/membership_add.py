"""Bring an account into the current tenant."""

from __future__ import annotations

from uuid import UUID

from app.domains.identity.values import MembershipStatus, Role
from app.kernel import audit
from app.kernel.database import current, execute, fetch_value
from app.kernel.errors import Conflict, NotFound
from app.kernel.ids import new_id


class AlreadyMember(Conflict):
    code = "ALREADY_MEMBER"
    title = "This account belongs to the tenant already"


async def add_membership(*, account_id: UUID, role: Role) -> UUID:
    """A membership with `role`; returns its id, by which everything else names this person.

    Raises `AlreadyMember`, and `NotFound` where there is no such account.
    """
    if not await fetch_value("SELECT true FROM account WHERE id = $1", account_id):
        raise NotFound
    membership_id = new_id()
    done = await execute(
        "INSERT INTO membership (tenant_id, id, account_id, role, status, created_at)"
        " VALUES ($1, $2, $3, $4, $5, clock_timestamp()) ON CONFLICT (tenant_id, account_id)"
        " DO NOTHING",
        current().tenant,
        membership_id,
        account_id,
        role.value,
        MembershipStatus.active.value,
    )
    if done == "INSERT 0 0":
        raise AlreadyMember
    await audit.record(
        action="membership.add",
        subject_kind="membership",
        subject_id=membership_id,
        after={"role": role.value, "status": MembershipStatus.active.value},
    )
    return membership_id
