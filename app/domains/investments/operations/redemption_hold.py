"""Compliance holds a redemption until it is in transit, lets it go on, or gives it up.

The portal holds one by itself where its client or destination may not be paid: `hold_if_barred`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.redemption_clock_change import end_hold_of_clock
from app.domains.investments.operations.redemption_strike import return_units, unstrike
from app.domains.investments.operations.redemption_trail import check_step, lock_redemption, move
from app.domains.investments.policy import (
    BARRIER_NOTES,
    BARRIER_WORDS,
    STRUCK_STATES,
    UNDECIDED_STATES,
    barriers_of,
)
from app.domains.investments.values import PayoutState, RedemptionState
from app.kernel.approvals.operations import cancel_approval
from app.kernel.database import current, execute, fetch_value
from app.kernel.deadlines import stop_deadline
from app.kernel.errors import Conflict
from app.kernel.money import ZERO
from app.kernel.notes import checked_reason


class DestinationRevoked(Conflict):
    code = "DESTINATION_REVOKED"
    title = "Its destination is revoked; it can only be cancelled, and requested anew"


class StillBlocked(Conflict):
    code = "STILL_BLOCKED"
    title = "What it was held for still stands; record that it is over, or cancel the redemption"


async def hold_redemption(*, redemption_id: UUID, note: str, version: int | None = None) -> None:
    """Stop the redemption where it is. Its clocks run on: a hold is no excuse by itself.

    Raises `NotFound`, `WrongState` (from *in transit* on it is too late), `Changed`, and
    `InputInvalid` without a reason.
    """
    reason = checked_reason(note)
    redemption = await lock_redemption(redemption_id=redemption_id)
    check_step(redemption, "hold", version=version)
    await put_on_hold(redemption, reason=reason)


async def hold_if_barred(redemption: Any, *, found: str) -> bool:
    """Put it on hold where its client may not be paid now; tells whether it did.

    The row is that of `lock_redemption`; `found` says where on its way that was noticed.
    """
    bars = barriers_of(redemption, now=current().now)
    if not bars:
        return False
    told = ". ".join(BARRIER_NOTES[bar] for bar in bars)
    await put_on_hold(redemption, reason=f"{told}. Found by the portal {found}")
    return True


async def put_on_hold(redemption: Any, *, reason: str) -> None:
    """As `hold_redemption`, for what the portal itself finds. The row is locked by the caller."""
    await move(
        redemption,
        RedemptionState.on_hold,
        event="held",
        note=reason,
        changes={"held_from": redemption["state"]},
    )


async def resume_redemption(*, redemption_id: UUID, note: str, version: int | None = None) -> None:
    """Let it go on from where it was held. A payout's clock that stands still runs on as well.

    Raises `NotFound`, `WrongState`, `Changed`, `DestinationRevoked`, and `StillBlocked` while
    anything else bars its payment, whatever it was held for.
    """
    redemption = await lock_redemption(redemption_id=redemption_id)
    check_step(redemption, "resume", version=version)
    # Read once the lock is held: a revocation that this waited for is not in the row that was locked.
    if await fetch_value(
        "SELECT revoked_at IS NOT NULL FROM destination WHERE id = $1", redemption["destination_id"]
    ):
        raise DestinationRevoked
    bars = barriers_of(redemption, now=current().now)
    if bars:
        raise StillBlocked(
            f"{'. '.join(BARRIER_WORDS[bar] for bar in bars)}: record that this is over on the"
            " client's page, or cancel the redemption"
        )
    await move(
        redemption,
        RedemptionState(redemption["held_from"]),
        event="resumed",
        note=checked_reason(note),
        changes={"held_from": None},
    )
    await end_hold_of_clock(redemption)


async def cancel_held_redemption(
    *, redemption_id: UUID, note: str, version: int | None = None
) -> None:
    """Give a held redemption up: units, claim and reserved assets are where they were before it.

    Raises `NotFound`, `WrongState`, `Changed`, and `InputInvalid` without a reason.
    """
    reason = checked_reason(note)
    redemption = await lock_redemption(redemption_id=redemption_id)
    check_step(redemption, "cancel_held", version=version)
    held_from = RedemptionState(redemption["held_from"])
    if held_from in UNDECIDED_STATES:
        await cancel_approval(approval_id=redemption["approval_id"])
    if held_from in STRUCK_STATES:
        # A payout that was ordered and not begun must never begin.
        await execute(
            "UPDATE payout SET state = $2, reason = $3 WHERE redemption_id = $1 AND state = $4",
            redemption_id,
            PayoutState.refused.value,
            "Cancelled while on hold",
            PayoutState.pending.value,
        )
        await unstrike(redemption)
    else:
        await return_units(redemption, operation="redemption.cancel")
    for kind in ("approval", "compliance", "client", "payout"):
        await stop_deadline(
            subject_kind="redemption", subject_id=redemption_id, kind=kind, outcome="cancelled"
        )
    await move(
        redemption,
        RedemptionState.cancelled,
        event="cancelled",
        note=reason,
        changes={"held_from": None, "reserved": ZERO},
    )
