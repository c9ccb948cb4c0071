"""Operations ask for another tier of a client; compliance approves it."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.client_trail import (
    change_client,
    lock_client,
)
from app.domains.investments.values import ClientTier
from app.kernel.approvals.operations import request_approval
from app.kernel.approvals.values import Policy, Stage
from app.kernel.database import current, execute, fetch_value
from app.kernel.errors import Conflict, InputInvalid
from app.kernel.ids import new_id
from app.kernel.notes import checked_reason

POLICY = Policy(stages=[Stage(name="Compliance", permission="tier:approve")])


class TierChangePending(Conflict):
    code = "TIER_CHANGE_PENDING"
    title = "A change of this client's tier waits for compliance already"


async def request_tier(
    *, client_id: UUID, tier: ClientTier, note: str, version: int | None = None
) -> UUID:
    """Ask for it; returns the change's id. The client's limits stay until it is approved.

    Raises `NotFound`, `ClientChanged`, `TierChangePending`, and `InputInvalid` without a reason, or
    for the tier that they have.
    """
    reason = checked_reason(note)
    client = await lock_client(client_id=client_id, version=version)
    if client["tier"] == tier:
        raise InputInvalid.of("tier", "SAME_TIER", f"The client's tier is {tier.value} already")
    if await fetch_value(
        "SELECT 1 FROM tier_change WHERE client_id = $1 AND state = 'pending'", client_id
    ):
        raise TierChangePending
    unit = current()
    change_id = new_id()
    approval_id = await request_approval(
        subject_kind="tier_change", subject_id=change_id, policy=POLICY
    )
    await execute(
        "INSERT INTO tier_change (id, tenant_id, client_id, approval_id, tier_before, tier_after,"
        " note, state, requested_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8)",
        change_id,
        unit.tenant,
        client_id,
        approval_id,
        client["tier"],
        tier.value,
        reason,
        unit.now,
    )
    await change_client(
        client,
        change="tier_requested",
        before={"tier": client["tier"]},
        after={"tier": tier.value, "note": reason},
    )
    return change_id
