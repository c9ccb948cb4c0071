"""A client revokes a destination; what is on its way there and not yet sent is held."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.redemption_hold import put_on_hold
from app.domains.investments.operations.redemption_trail import lock_redemption
from app.domains.investments.policy import OPEN_STATES, STEPS
from app.kernel import audit
from app.kernel.database import current, fetch, fetch_row
from app.kernel.errors import NotFound
from app.kernel.outbox import emit


async def revoke_destination(*, destination_id: UUID) -> int:
    """Revoke it for good; returns how many redemptions were put on hold for it.

    Raises `NotFound` where it is not the current client's, or is revoked already.
    """
    unit = current()
    # The open redemptions first: everywhere a redemption's row is locked before anything of it. What
    # is on hold as well, or it might be resumed while its destination goes.
    await _lock_open(destination_id)
    done = await fetch_row(
        "UPDATE destination d SET revoked_at = $3 FROM client c WHERE d.id = $1"
        " AND c.id = d.client_id AND c.membership_id = $2 AND d.revoked_at IS NULL"
        " RETURNING d.client_id",
        destination_id,
        unit.actor.id,
        unit.now,
    )
    if done is None:
        raise NotFound
    # Again: a request that was being made kept this waiting until it was there.
    open_now = await _lock_open(destination_id)
    held = [row for row in open_now if row["state"] in STEPS["hold"][0]]
    for redemption in held:
        await put_on_hold(redemption, reason="Its destination was revoked by the client")
    await audit.record(
        action="destination.revoke",
        subject_kind="destination",
        subject_id=destination_id,
        after={"held": len(held)},
    )
    await emit(
        type="destination.revoked",
        subject_kind="destination",
        subject_id=destination_id,
        payload={"client_id": str(done["client_id"]), "held": len(held)},
        topics=[f"client:{unit.actor.id}"],
    )
    return len(held)


async def _lock_open(destination_id: UUID) -> list[Any]:
    rows = await fetch(
        "SELECT id FROM redemption WHERE destination_id = $1 AND state = ANY($2) ORDER BY id",
        destination_id,
        sorted(state.value for state in OPEN_STATES),
    )
    return [await lock_redemption(redemption_id=row["id"]) for row in rows]
