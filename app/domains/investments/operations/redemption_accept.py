"""The client accepts what their redemption has become, or lets it lapse."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.redemption_hold import hold_if_barred
from app.domains.investments.operations.redemption_strike import return_units, strike_or_offer
from app.domains.investments.operations.redemption_trail import check_step, lock_redemption, move
from app.domains.investments.values import RedemptionState
from app.kernel.database import current
from app.kernel.deadlines import stop_deadline
from app.kernel.errors import NotFound


async def accept_redemption(*, redemption_id: UUID, version: int | None = None) -> RedemptionState:
    """Strike at what was offered. Where the net has moved too far again, it is offered anew.

    Returns `approved` or `awaiting_client`; `on_hold` where the client may not be paid. Raises `NotFound` for somebody else's, `WrongState`,
    `Changed`.
    """
    redemption = await lock_redemption(redemption_id=redemption_id)
    if redemption["membership_id"] != current().actor.id:
        raise NotFound
    check_step(redemption, "accept", version=version)
    if await hold_if_barred(redemption, found="when it was accepted"):
        return RedemptionState.on_hold
    state = await strike_or_offer(redemption, note="Accepted by the client")
    if state is RedemptionState.approved:
        await stop_deadline(
            subject_kind="redemption", subject_id=redemption_id, kind="client", outcome="met"
        )
    return state


async def lapse_redemption(*, redemption_id: UUID) -> None:
    """The client did not answer in time: the units come back. Does nothing where they did."""
    redemption = await lock_redemption(redemption_id=redemption_id)
    waiting = RedemptionState.awaiting_client.value
    if waiting not in (redemption["state"], redemption["held_from"]):
        return
    await stop_deadline(
        subject_kind="redemption", subject_id=redemption_id, kind="client", outcome="cancelled"
    )
    await return_units(redemption, operation="redemption.lapse")
    await move(
        redemption,
        RedemptionState.cancelled,
        event="lapsed",
        note="Not accepted within 24 hours",
        changes={"held_from": None},
    )
