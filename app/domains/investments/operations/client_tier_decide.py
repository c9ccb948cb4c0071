"""Compliance approves or refuses a change of a client's tier."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.client_trail import change_client, lock_client
from app.domains.investments.values import TierChangeState
from app.kernel.approvals.operations import decide
from app.kernel.approvals.subjects import register_subject
from app.kernel.approvals.values import ApprovalState, Decision, Outcome
from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.errors import Conflict, NotFound


class NoTierChange(Conflict):
    code = "NO_TIER_CHANGE"
    title = "No change of this client's tier waits for a decision"


async def decide_tier(
    *, client_id: UUID, decision: Decision, note: str, version: int | None = None
) -> None:
    """Decide on the change that waits. Whoever asked for it cannot.

    Raises `NotFound`, `ClientChanged`, `NoTierChange`, and what `decide` raises.
    """
    await lock_client(client_id=client_id, version=version)
    approval_id = await fetch_value(
        "SELECT approval_id FROM tier_change WHERE client_id = $1 AND state = 'pending'", client_id
    )
    if approval_id is None:
        raise NoTierChange
    await decide(approval_id=approval_id, decision=decision, note=note)


async def _lock(change_id: UUID) -> Any:
    """The client's row first, as in asking for a change."""
    actor = current().actor
    client_id = await fetch_value("SELECT client_id FROM tier_change WHERE id = $1", change_id)
    if client_id is None or not (actor.may("tier:approve") or actor.may("tier:request")):
        raise NotFound
    client = await lock_client(client_id=client_id)
    change = await fetch_row("SELECT * FROM tier_change WHERE id = $1 FOR UPDATE", change_id)
    assert change is not None, "changes are never deleted"
    return dict(client) | {"change": change}


async def _decided(outcome: Outcome, client: Any) -> None:
    change = client["change"]
    approved = outcome.state is ApprovalState.approved
    state = TierChangeState.approved if approved else TierChangeState.rejected
    await execute("UPDATE tier_change SET state = $2 WHERE id = $1", change["id"], state.value)
    await change_client(
        client,
        changes={"tier": change["tier_after"]} if approved else {},
        change="tier_approved" if approved else "tier_rejected",
        before={"tier": client["tier"]},
        after={"tier": change["tier_after"], "note": outcome.note},
    )


register_subject("tier_change", lock=_lock, decided=_decided)
