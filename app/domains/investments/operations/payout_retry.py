"""Send a refused payout again, as a new one: the custodian said for certain that the first is dead."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.redemption_ready import order_payout
from app.domains.investments.operations.redemption_trail import (
    check_step,
    lock_redemption,
    move,
)
from app.domains.investments.values import RedemptionState


async def retry_payout(*, redemption_id: UUID, version: int | None = None) -> None:
    """Order a new payout of the same amount. Raises `NotFound`, `WrongState`, `Changed`."""
    redemption = await lock_redemption(redemption_id=redemption_id)
    check_step(redemption, "retry_payout", version=version)
    await move(redemption, RedemptionState.ready, event="payout_retried")
    await order_payout(redemption)
