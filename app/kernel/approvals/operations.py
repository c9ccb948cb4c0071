"""Ask for an approval, decide on it, cancel it, delegate while away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal as Number
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from app.kernel import audit
from app.kernel.approvals.subjects import subject_of
from app.kernel.approvals.values import ApprovalState, Decision, Outcome, Policy, Stage
from app.kernel.database import current, execute, fetch, fetch_row, fetch_value, savepoint
from app.kernel.errors import Conflict, InputInvalid, NotFound, NotPermitted
from app.kernel.ids import new_id
from app.kernel.notes import checked_note, checked_reason

DELEGATION_LENGTH_MAX = timedelta(days=60)


class ApprovalClosed(Conflict):
    code = "APPROVAL_CLOSED"
    title = "This request has been decided already"


class AlreadyDecided(Conflict):
    code = "ALREADY_DECIDED"
    title = "You have decided on this request already; it waits for somebody else"


class OwnRequest(NotPermitted):
    code = "OWN_REQUEST"
    title = "Nobody decides on their own request"


class NotYourDecision(NotPermitted):
    code = "NOT_YOUR_DECISION"
    title = "This request waits for somebody else's decision"


async def request_approval(
    *, subject_kind: str, subject_id: UUID, policy: Policy, amount: Number | None = None
) -> UUID:
    """Open an approval of the subject under a copy of `policy`, for the current actor.

    Only the stages that `amount` calls for are kept. Raises `ValueError` when none remains.
    """
    unit = current()
    applicable = policy.for_amount(amount)
    if not applicable.stages:
        raise ValueError("an approval needs at least one stage")
    approval_id = new_id()
    await execute(
        "INSERT INTO approval (id, tenant_id, subject_kind, subject_id, policy, state, stage,"
        " requested_by, requested_at) VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $7)",
        approval_id,
        unit.tenant,
        subject_kind,
        subject_id,
        msgspec.to_builtins(applicable),
        unit.actor.id,
        unit.now,
    )
    return approval_id


async def decide(*, approval_id: UUID, decision: Decision, note: str) -> Outcome | None:
    """Record the current actor's vote; the deciding one carries out the subject's change as well.

    None where the subject was put aside in place of the vote (see `register_subject`).

    Raises `NotFound`, `ApprovalClosed`, `OwnRequest`, `NotYourDecision`, `AlreadyDecided`, and
    `InputInvalid` for a rejection without a note.
    """
    subject = await fetch_row(
        "SELECT subject_kind, subject_id FROM approval WHERE id = $1", approval_id
    )
    if subject is None:
        raise NotFound
    locked = await subject_of(subject["subject_kind"]).lock(subject["subject_id"])
    return await decide_locked(
        approval_id=approval_id, subject=locked, decision=decision, note=note
    )


async def decide_locked(
    *, approval_id: UUID, subject: Any, decision: Decision, note: str
) -> Outcome | None:
    """`decide`, where the caller holds the subject's lock: what its `lock` returned."""
    unit = current()
    note = _checked_note(note, decision)
    row = await fetch_row("SELECT * FROM approval WHERE id = $1 FOR UPDATE", approval_id)
    assert row is not None, "approvals are never deleted"
    stages = msgspec.convert(row["policy"], Policy).stages
    stage = stages[min(row["stage"], len(stages) - 1)]
    await _check_may_decide(row, stage)
    kind = subject_of(row["subject_kind"])
    if kind.set_aside is not None and await kind.set_aside(decision, subject):
        return None
    await _insert_decision(approval_id, row["stage"], decision, note)
    state, reached = await _advance(row, stages, decision)
    assert unit.actor.id is not None, "only people decide"
    outcome = Outcome(
        approval_id=approval_id,
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        state=state,
        stage=reached,
        decided_by=unit.actor.id,
        decided_by_name=unit.actor.name,
        note=note,
    )
    await audit.record(
        action=f"approval.{decision.value}",
        subject_kind="approval",
        subject_id=approval_id,
        before={"state": row["state"], "stage": row["stage"]},
        after={"state": state.value, "stage": reached, "note": note},
    )
    if outcome.is_final:
        await kind.decided(outcome, subject)
    elif reached != row["stage"] and kind.advanced is not None:
        await kind.advanced(outcome, subject)
    return outcome


def _checked_note(note: str, decision: Decision) -> str:
    if decision is Decision.reject:
        return checked_reason(note, why="Say why you reject it; whoever asked reads this")
    return checked_note(note)


async def _check_may_decide(row: Any, stage: Stage) -> None:
    actor = current().actor
    if actor.id is None or not await _is_eligible(stage):
        raise NotYourDecision
    if actor.id == row["requested_by"]:
        raise OwnRequest
    if row["state"] != ApprovalState.pending:
        raise ApprovalClosed(f"This request is {row['state']} already")


async def _is_eligible(stage: Stage) -> bool:
    """The actor may decide at `stage`: named there and permitted, or standing in for one who is."""
    unit = current()
    named = stage.approvers is None or unit.actor.id in stage.approvers
    if named and unit.actor.may(stage.permission):
        return True
    if not stage.approvers:
        return False
    return bool(
        await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM delegation WHERE to_membership_id = $1"
            " AND from_membership_id = ANY($2) AND $3 = ANY(permissions)"
            " AND starts_at <= $4 AND ends_at > $4 AND revoked_at IS NULL)",
            unit.actor.id,
            stage.approvers,
            stage.permission,
            unit.now,
        )
    )


async def _insert_decision(approval_id: UUID, stage: int, decision: Decision, note: str) -> None:
    unit = current()
    made = await fetch_value(
        "INSERT INTO approval_decision (id, tenant_id, approval_id, stage, membership_id, name,"
        " decision, note, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT ON CONSTRAINT approval_decision_once DO NOTHING RETURNING id",
        new_id(),
        unit.tenant,
        approval_id,
        stage,
        unit.actor.id,
        unit.actor.name,
        decision.value,
        note,
        unit.now,
    )
    if made is None:
        raise AlreadyDecided


async def _advance(row: Any, stages: list[Stage], decision: Decision) -> tuple[ApprovalState, int]:
    """Count the votes of the stage, and move on when its quorum is reached."""
    stage = row["stage"]
    if decision is Decision.reject:
        return await _close(row["id"], stage, ApprovalState.rejected), stage
    if stages[stage].quorum > 1 and await _votes(row["id"], stage) < stages[stage].quorum:
        return ApprovalState.pending, stage
    if stage + 1 < len(stages):
        await execute("UPDATE approval SET stage = $2 WHERE id = $1", row["id"], stage + 1)
        return ApprovalState.pending, stage + 1
    return await _close(row["id"], stage, ApprovalState.approved), stage


async def _votes(approval_id: UUID, stage: int) -> int:
    votes: int = await fetch_value(
        "SELECT count(*) FROM approval_decision WHERE approval_id = $1 AND stage = $2",
        approval_id,
        stage,
    )
    return votes


async def _close(approval_id: UUID, stage: int, state: ApprovalState) -> ApprovalState:
    await execute(
        "UPDATE approval SET state = $2, stage = $3, decided_at = $4 WHERE id = $1",
        approval_id,
        state.value,
        stage,
        current().now,
    )
    return state


async def cancel_approval(*, approval_id: UUID) -> None:
    """Close a pending approval because its subject is gone. The caller holds the subject's lock.

    Raises `ApprovalClosed` when it has been decided already.
    """
    done = await fetch_value(
        "UPDATE approval SET state = 'cancelled', decided_at = $2"
        " WHERE id = $1 AND state = 'pending' RETURNING id",
        approval_id,
        current().now,
    )
    if done is None:
        raise ApprovalClosed


async def reassign_stage(*, approval_id: UUID, approvers: Sequence[UUID], reason: str) -> None:
    """Let others decide at the stage that a pending approval is at. The caller holds the subject's
    lock. Raises `ApprovalClosed`.
    """
    row = await fetch_row("SELECT * FROM approval WHERE id = $1 FOR UPDATE", approval_id)
    if row is None or row["state"] != ApprovalState.pending:
        raise ApprovalClosed
    stages = list(msgspec.convert(row["policy"], Policy).stages)
    before = stages[row["stage"]]
    stages[row["stage"]] = msgspec.structs.replace(before, approvers=list(approvers))
    await execute(
        "UPDATE approval SET policy = $2 WHERE id = $1",
        approval_id,
        msgspec.to_builtins(Policy(stages=stages)),
    )
    await audit.record(
        action="approval.reassign",
        subject_kind="approval",
        subject_id=approval_id,
        before={"approvers": [str(one) for one in before.approvers or []]},
        after={"approvers": [str(one) for one in approvers], "reason": reason},
    )


async def delegate(
    *, to_membership_id: UUID, permissions: Sequence[str], starts_at: datetime, ends_at: datetime
) -> UUID:
    """Let somebody decide for the current actor, from `starts_at` until `ends_at`.

    Only permissions that the actor has; raises `InputInvalid` otherwise, or for a span that is
    empty, over or longer than 60 days.
    """
    unit = current()
    if not permissions or any(not unit.actor.may(permission) for permission in permissions):
        raise InputInvalid.of("permissions", "NOT_YOURS", "You can only lend what you may do")
    if to_membership_id == unit.actor.id:
        raise InputInvalid.of("to_membership_id", "YOURSELF", "Choose somebody else")
    if not (ends_at > starts_at and ends_at > unit.now):
        raise InputInvalid.of(
            "ends_at", "NOT_AFTER_START", "Must end after it starts, and later than now"
        )
    if ends_at - starts_at > DELEGATION_LENGTH_MAX:
        raise InputInvalid.of("ends_at", "TOO_LONG", "At most 60 days at a time")
    delegation_id = new_id()
    try:
        async with savepoint():
            await execute(
                "INSERT INTO delegation (id, tenant_id, from_membership_id, to_membership_id,"
                " permissions, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                delegation_id,
                unit.tenant,
                unit.actor.id,
                to_membership_id,
                list(permissions),
                starts_at,
                ends_at,
            )
    except asyncpg.ForeignKeyViolationError as error:
        raise InputInvalid.of(
            "to_membership_id", "UNKNOWN_MEMBER", "There is no such member here"
        ) from error
    await audit.record(
        action="delegation.open",
        subject_kind="delegation",
        subject_id=delegation_id,
        after={"to": str(to_membership_id), "permissions": list(permissions)},
    )
    return delegation_id


async def revoke_delegations_of(*, membership_id: UUID) -> None:
    """End every delegation that this member gave: they have lost what they lent."""
    await execute(
        "UPDATE delegation SET revoked_at = $2 WHERE from_membership_id = $1 AND revoked_at IS NULL",
        membership_id,
        current().now,
    )


async def revoke_delegation(*, delegation_id: UUID) -> None:
    """End the current actor's delegation now; raises `NotFound` where it is not theirs or is over."""
    unit = current()
    done = await fetch(
        "UPDATE delegation SET revoked_at = $3 WHERE id = $1 AND from_membership_id = $2"
        " AND revoked_at IS NULL RETURNING id",
        delegation_id,
        unit.actor.id,
        unit.now,
    )
    if not done:
        raise NotFound
    await audit.record(
        action="delegation.revoke", subject_kind="delegation", subject_id=delegation_id
    )
