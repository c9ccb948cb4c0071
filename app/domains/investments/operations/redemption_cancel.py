"""The client takes their request back: before it is decided, or instead of accepting an offer."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.redemption_strike import return_units
from app.domains.investments.operations.redemption_trail import (
    check_step,
    lock_redemption,
    move,
)
from app.domains.investments.policy import UNDECIDED_STATES
from app.domains.investments.values import RedemptionState
from app.kernel.approvals.operations import cancel_approval
from app.kernel.database import current
from app.kernel.deadlines import stop_deadline
from app.kernel.errors import NotFound


async def cancel_redemption(*, redemption_id: UUID, version: int | None = None) -> None:
    """Return the units and close the approval.

    Raises `NotFound` for somebody else's request, `WrongState`, `Changed`.
    """
    redemption = await lock_redemption(redemption_id=redemption_id)
    if redemption["membership_id"] != current().actor.id:
        raise NotFound
    check_step(redemption, "cancel", version=version)
    if redemption["state"] in UNDECIDED_STATES:
        await cancel_approval(approval_id=redemption["approval_id"])
    for kind in ("approval", "compliance", "client"):
        await stop_deadline(
            subject_kind="redemption", subject_id=redemption_id, kind=kind, outcome="cancelled"
        )
    await return_units(redemption, operation="redemption.cancel")
    await move(redemption, RedemptionState.cancelled, event="cancelled")
