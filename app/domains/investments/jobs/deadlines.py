"""What a mark of a redemption's deadline does, in the transaction that fires it.

A reminder or a breach is a line on the redemption's timeline, an audit record and an event; the
event tells people. Importing this also declares what a change of such a clock asks.
"""

from __future__ import annotations

from decimal import Decimal

from app.domains.investments.operations import redemption_clock_change  # noqa: F401 - registers
from app.domains.investments.operations.redemption_accept import lapse_redemption
from app.domains.investments.operations.redemption_trail import leave_trail, lock_redemption
from app.kernel.deadlines import FiredMark, on_mark


@on_mark("approval")
async def approval_mark(mark: FiredMark) -> None:
    await _tell(mark, reached="approval_reminder", passed="approval_overdue")


@on_mark("compliance")
async def compliance_mark(mark: FiredMark) -> None:
    await _tell(mark, reached="compliance_reminder", passed="compliance_overdue")


@on_mark("payout")
async def payout_mark(mark: FiredMark) -> None:
    await _tell(mark, reached="payout_warning", passed="payout_breached")


@on_mark("client")
async def client_mark(mark: FiredMark) -> None:
    await _tell(mark, reached="client_reminder", passed="client_overdue")
    if mark.is_breach:
        await lapse_redemption(redemption_id=mark.subject_id)


async def _tell(mark: FiredMark, *, reached: str, passed: str) -> None:
    redemption = await lock_redemption(redemption_id=mark.subject_id)
    is_last = mark.fraction >= Decimal(1)
    await leave_trail(
        redemption_id=redemption["id"],
        of=redemption,
        event=passed if is_last else reached,
        note=f"{mark.fraction * 100:.0f}% of the time has passed",
        before=None,
        after={"deadline": str(mark.deadline_id), "fraction": str(mark.fraction)},
    )
