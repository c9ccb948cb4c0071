"""A redemption brought to any of its states, by the people and jobs that would bring it there."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_hold import hold_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.values import RedemptionState as State
from app.kernel.database import execute
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import drain

# What the custodian does next, for the payout to end there.
_CUSTODIAN = {
    State.in_transit: "server_error",  # nobody knows: it is asked again later
    State.payout_failed: "refuse",
    State.completed: "succeed",
}


async def redemption_at(state: State, *, desk: Desk, sandbox: Control, units: str = "100") -> UUID:
    """Of `member`, in the yield product."""
    if state is State.pending_compliance:
        return await steps.at_compliance(desk, portion=Portion(units=units))
    redemption_id = await steps.request(desk, portion=Portion(units=units))
    if state is State.pending_approval:
        return redemption_id
    if state is State.on_hold:
        async with desk.working("compliance"):
            await hold_redemption(redemption_id=redemption_id, note="Sanctions hit")
        return redemption_id
    if state is State.awaiting_client:
        async with desk.working("ops"):
            # As though the price had moved since: what was asked for is no longer what it comes to.
            await execute(
                "UPDATE redemption SET gross = gross - 10, net = net - 10 WHERE id = $1",
                redemption_id,
            )
    if state is State.cancelled:
        async with desk.working("member"):
            await cancel_redemption(redemption_id=redemption_id)
        return redemption_id
    decision = "reject" if state is State.rejected else "approve"
    await steps.decide(desk, redemption_id, decision=decision, note="Said so on the telephone")
    if state in (State.approved, State.rejected, State.awaiting_client):
        return redemption_id
    await steps.ready(desk, redemption_id)
    if state is not State.ready:
        if _CUSTODIAN[state] != "succeed":
            sandbox.next(_CUSTODIAN[state])
        await drain()
    assert (await steps.seen(desk, redemption_id)).state is state
    return redemption_id
