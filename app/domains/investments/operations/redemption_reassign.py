"""Operations give a request to another relationship manager to decide."""

from __future__ import annotations

from uuid import UUID

from app.domains.identity.public import Role, members_with_role
from app.domains.investments.operations.redemption_trail import (
    check_step,
    leave_trail,
    lock_redemption,
)
from app.kernel.approvals.operations import reassign_stage
from app.kernel.database import execute
from app.kernel.errors import InputInvalid
from app.kernel.notes import checked_reason


async def reassign_redemption(
    *, redemption_id: UUID, to_membership_id: UUID, note: str, version: int | None = None
) -> None:
    """From now on `to_membership_id` decides; the approval's clock runs on.

    Raises `NotFound`, `WrongState`, `Changed`, and `InputInvalid` without a reason, or for somebody
    who is no other active relationship manager.
    """
    reason = checked_reason(note)
    redemption = await lock_redemption(redemption_id=redemption_id)
    check_step(redemption, "reassign", version=version)
    managers = await members_with_role(role=Role.rm)
    if to_membership_id not in managers or to_membership_id == redemption["approver_membership_id"]:
        raise InputInvalid.of(
            "to_membership_id", "NOT_A_MANAGER", "Choose another relationship manager"
        )
    await reassign_stage(
        approval_id=redemption["approval_id"], approvers=[to_membership_id], reason=reason
    )
    await execute(
        "UPDATE redemption SET approver_membership_id = $2, version = version + 1 WHERE id = $1",
        redemption_id,
        to_membership_id,
    )
    await leave_trail(
        redemption_id=redemption_id,
        # Both managers' pages move: one loses it, the other gets it.
        of=dict(redemption)
        | {
            "rm_membership_id": redemption["approver_membership_id"],
            "approver_membership_id": to_membership_id,
        },
        event="reassigned",
        note=reason,
        before={"approver": str(redemption["approver_membership_id"])},
        after={"approver": str(to_membership_id)},
    )
