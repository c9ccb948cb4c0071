"""What a change of a redemption's clock asks of the redemption, and who hears of it.

The kernel proposes and decides; this says whose clocks somebody may change, when one may stand
still, and tells those who wait for it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.redemption_trail import (
    leave_trail,
    lock_visible_redemption,
    topics_of,
)
from app.domains.investments.policy import may_stand_still
from app.domains.investments.values import RedemptionState
from app.kernel.approvals.values import ApprovalState
from app.kernel.clock import utc_words
from app.kernel.deadlines import ChangeKind, ChangeNews, end_pause, register_clock_subject
from app.kernel.errors import Conflict
from app.kernel.outbox import emit

_PAST = {
    ChangeKind.extension: "extended",
    ChangeKind.pause: "paused",
    ChangeKind.resume: "resumed",
}


class NotOnHold(Conflict):
    code = "NOT_ON_HOLD"
    title = "Only the payout clock of a redemption on hold may stand still"


async def _lock(redemption_id: UUID) -> Any:
    return await lock_visible_redemption(redemption_id=redemption_id)


def _check(kind: ChangeKind, clock: str, redemption: Any) -> None:
    state = RedemptionState(redemption["state"])
    if kind is not ChangeKind.extension and not may_stand_still(clock, state):
        raise NotOnHold


async def _tell(news: ChangeNews, redemption: Any) -> None:
    """Approved, it is a step of the redemption, which its client sees: without the reason, which is
    the desks' own. Until then, and rejected, it is between those who decide."""
    if news.state is ApprovalState.approved:
        await leave_trail(
            redemption_id=redemption["id"],
            of=redemption,
            event=f"{news.clock}_{_PAST[news.kind]}",
            note=_note(news),
            before=None,
            after={"deadline": str(news.deadline_id)},
        )
        return
    step = "proposed" if news.state is ApprovalState.pending else "rejected"
    await emit(
        type=f"redemption.clock_change_{step}",
        subject_kind="redemption",
        subject_id=redemption["id"],
        payload={
            "client_id": str(redemption["client_id"]),
            "deadline_id": str(news.deadline_id),
            "clock": news.clock,
            "change": news.kind.value,
            "asked_by": str(news.asked_by),
            "note": news.note or news.reason,
        },
        topics=topics_of(redemption),
    )


def _note(news: ChangeNews) -> str:
    if news.kind is not ChangeKind.pause:
        return f"Due {utc_words(news.due_at)} now"
    hours, minutes = divmod(max(news.remaining_seconds, 0) // 60, 60)
    return f"It stands still with {hours} h {minutes} min left"


async def end_hold_of_clock(redemption: Any) -> None:
    """The hold is over, and with it what the payout's clock may have stood still for."""
    due_at = await end_pause(
        subject_kind="redemption",
        subject_id=redemption["id"],
        kind="payout",
        reason="The hold has ended",
    )
    if due_at is not None:
        await leave_trail(
            redemption_id=redemption["id"],
            of=redemption,
            event="payout_resumed",
            note=f"Due {utc_words(due_at)} now",
            before=None,
            after={"due_at": due_at.isoformat()},
        )


register_clock_subject("redemption", lock=_lock, check=_check, tell=_tell)
