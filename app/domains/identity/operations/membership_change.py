"""Change what a member of the tenant may do, or end their access."""

from __future__ import annotations

from uuid import UUID

from app.domains.identity.values import MembershipStatus, Role
from app.kernel import audit
from app.kernel.approvals.operations import revoke_delegations_of
from app.kernel.database import execute, fetch_row
from app.kernel.errors import NotFound


async def change_role(*, membership_id: UUID, role: Role) -> None:
    """Give the member another role; it counts at their next request. Raises `NotFound`."""
    before = await _locked(membership_id)
    await execute("UPDATE membership SET role = $2 WHERE id = $1", membership_id, role.value)
    await revoke_delegations_of(membership_id=membership_id)
    await audit.record(
        action="membership.change_role",
        subject_kind="membership",
        subject_id=membership_id,
        before={"role": before["role"]},
        after={"role": role.value},
    )


async def deactivate_membership(*, membership_id: UUID) -> None:
    """End the member's access: sessions, tokens and sockets die with it. Raises `NotFound`.

    Look-ups of sessions and tokens read the status each time, so nothing else has to be told.
    """
    before = await _locked(membership_id)
    await execute(
        "UPDATE membership SET status = $2 WHERE id = $1",
        membership_id,
        MembershipStatus.deactivated.value,
    )
    await revoke_delegations_of(membership_id=membership_id)
    await execute(
        "UPDATE session SET ended_at = clock_timestamp()"
        " WHERE membership_id = $1 AND ended_at IS NULL",
        membership_id,
    )
    await execute(
        "UPDATE refresh_family SET revoked_at = clock_timestamp()"
        " WHERE membership_id = $1 AND revoked_at IS NULL",
        membership_id,
    )
    await audit.record(
        action="membership.deactivate",
        subject_kind="membership",
        subject_id=membership_id,
        before={"status": before["status"]},
        after={"status": MembershipStatus.deactivated.value},
    )


async def _locked(membership_id: UUID) -> dict[str, str]:
    row = await fetch_row(
        "SELECT role, status FROM membership WHERE id = $1 FOR UPDATE", membership_id
    )
    if row is None:
        raise NotFound
    return dict(row)
