"""The relationship manager decides, then compliance where they are asked as well.

What follows commits with the vote that it follows from; only the deciding one strikes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.domains.investments.operations.redemption_hold import hold_if_barred
from app.domains.investments.operations.redemption_request import MARKS
from app.domains.investments.operations.redemption_strike import return_units, strike_or_offer
from app.domains.investments.operations.redemption_trail import (
    WrongState,
    check_step,
    lock_visible_redemption,
    move,
)
from app.domains.investments.values import RedemptionState
from app.kernel.approvals.operations import decide_locked
from app.kernel.approvals.subjects import register_subject
from app.kernel.approvals.values import ApprovalState, Decision, Outcome
from app.kernel.deadlines import start_deadline, stop_deadline

COMPLIANCE_TIME = timedelta(hours=12)


async def decide_redemption(
    *, redemption_id: UUID, decision: Decision, note: str, version: int | None = None
) -> Outcome | None:
    """Approve or reject, as the current actor. `version`, if given, must be the one that was seen.

    Where the client may not be paid, an approval is not recorded: the redemption is put on hold in
    its place, and none is returned. Raises `NotFound` for somebody else's client, `WrongState`,
    `Changed`, and what `decide` raises.
    """
    return await _decide(redemption_id, decision.value, decision, note, version)


async def clear_redemption(
    *, redemption_id: UUID, decision: Decision, note: str, version: int | None = None
) -> Outcome | None:
    """Clear or decline for compliance, after the manager's approval. Raises as `decide_redemption`."""
    step = "clear" if decision is Decision.approve else "decline"
    return await _decide(redemption_id, step, decision, note, version)


async def _decide(
    redemption_id: UUID, step: str, decision: Decision, note: str, version: int | None
) -> Outcome | None:
    redemption = await lock_visible_redemption(redemption_id=redemption_id)
    check_step(redemption, step, version=version)
    return await decide_locked(
        approval_id=redemption["approval_id"], subject=redemption, decision=decision, note=note
    )


async def _lock(redemption_id: UUID) -> Any:
    redemption = await lock_visible_redemption(redemption_id=redemption_id)
    if redemption["state"] == RedemptionState.on_hold:
        raise WrongState("This redemption is on hold; it cannot be decided until it is resumed")
    return redemption


async def _set_aside(decision: Decision, redemption: Any) -> bool:
    """Who decides again after the hold decides on what is true then."""
    return decision is Decision.approve and await hold_if_barred(redemption, found="at approval")


async def _advanced(outcome: Outcome, redemption: Any) -> None:
    """The manager approved; compliance is asked, on a clock of its own."""
    await stop_deadline(
        subject_kind="redemption", subject_id=redemption["id"], kind="approval", outcome="met"
    )
    await move(
        redemption,
        RedemptionState.pending_compliance,
        event="compliance_asked",
        note=outcome.note,
    )
    await start_deadline(
        kind="compliance",
        subject_kind="redemption",
        subject_id=redemption["id"],
        due_in=COMPLIANCE_TIME,
        marks=MARKS,
    )


async def _decided(outcome: Outcome, redemption: Any) -> None:
    await stop_deadline(
        subject_kind="redemption",
        subject_id=redemption["id"],
        kind="approval" if outcome.stage == 0 else "compliance",
        outcome="met",
    )
    if outcome.state is ApprovalState.approved:
        await strike_or_offer(redemption, note=outcome.note)
    else:
        await return_units(redemption, operation="redemption.reject")
        await move(redemption, RedemptionState.rejected, event="rejected", note=outcome.note)


register_subject(
    "redemption", lock=_lock, decided=_decided, advanced=_advanced, set_aside=_set_aside
)
