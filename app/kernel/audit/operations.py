"""Leaving a record. Sealing it is the sealer's work, a second later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.kernel.audit.masking import masked
from app.kernel.database import current
from app.kernel.ids import new_id
from app.kernel.trail import AuditRow


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
    assert unit.tenant_id is not None, "what is audited happens in a tenant"
    unit.trail.audited.append(
        AuditRow(
            id=new_id(),
            business_at=unit.now,
            actor_id=actor.id,
            actor_name=actor.name,
            actor_role=actor.role,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            before=masked(before),
            after=masked(after),
            request_id=actor.request_id,
            address=actor.address,
            trace=actor.trace,
        )
    )
