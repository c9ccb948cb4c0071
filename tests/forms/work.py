"""What others do while somebody has a page open."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.redemption_hold import (
    hold_redemption,
    resume_redemption,
)
from tests.support.desk import Desk


async def meanwhile(desk: Desk, redemption_id: UUID) -> None:
    """Held and let go on: it stands where it stood, and yet is not what the open page shows."""
    async with desk.working("compliance"):
        await hold_redemption(redemption_id=redemption_id, note="A second look")
        await resume_redemption(redemption_id=redemption_id, note="Nothing in it")


async def hold(desk: Desk, redemption_id: UUID) -> None:
    async with desk.working("compliance"):
        await hold_redemption(redemption_id=redemption_id, note="A second look")
