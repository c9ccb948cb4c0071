"""Leaving a record. Sealing it is the sealer's work, a second later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.kernel.audit.masking import masked
from app.kernel.database import current, execute
from app.kernel.ids import new_id


async def record(
    *,
    action: str,
    subject_kind: str,
    subject_id: UUID,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record, in the open unit of work, that its actor did `action` to the subject.

    `before` and `after` hold the fields that changed; known personal data in them is masked, the
    rest is for the caller to choose.
    """
    unit = current()
    actor = unit.actor
    await execute(
        "INSERT INTO audit_record (tenant_id, id, business_at, actor_id, actor_name, actor_role, "
        "action, subject_kind, subject_id, before, after, request_id, address, trace) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        unit.tenant,
        new_id(),
        unit.now,
        actor.id,
        actor.name,
        actor.role,
        action,
        subject_kind,
        subject_id,
        masked(before),
        masked(after),
        actor.request_id,
        actor.address,
        actor.trace,
    )
