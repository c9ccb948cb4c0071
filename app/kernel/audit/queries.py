"""Reading the trail."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.kernel.audit.values import AuditRecordView
from app.kernel.database import current, fetch

PAGE_RECORDS_MAX = 200

_RECORDS = """
SELECT id, recorded_at, business_at, actor_id, actor_name, actor_role, action, subject_kind,
  subject_id, before, after, request_id, address
FROM audit_record
WHERE tenant_id = $1
  AND ($2::text IS NULL OR subject_kind = $2)
  AND ($3::uuid IS NULL OR subject_id = $3)
  AND ($4::uuid IS NULL OR actor_id = $4)
  AND ($5::timestamptz IS NULL OR recorded_at >= $5)
  AND ($6::timestamptz IS NULL OR recorded_at < $6)
  AND ($7::uuid IS NULL OR id < $7)
  AND position(lower($8) IN lower(actor_name)) > 0
  AND starts_with(lower(action), lower($9))
  AND position(lower($10) IN lower(action)) > 0
ORDER BY id DESC LIMIT $11
"""


async def records(
    *,
    subject_kind: str | None = None,
    subject_id: UUID | None = None,
    actor_id: UUID | None = None,
    recorded_from: datetime | None = None,
    recorded_before: datetime | None = None,
    before_id: UUID | None = None,
    actor_name: str = "",
    action: str = "",
    words: str = "",
    limit: int = 50,
) -> list[AuditRecordView]:
    """The newest records that match, at most 200 and one that says there are more; `before_id` is the last one of the page before.

    `actor_name` and `words` are any part of the actor's name and of the action, `action` is what
    the action begins with.
    """
    rows = await fetch(
        _RECORDS,
        current().tenant,
        subject_kind,
        subject_id,
        actor_id,
        recorded_from,
        recorded_before,
        before_id,
        actor_name,
        action,
        words,
        min(limit, PAGE_RECORDS_MAX + 1),
    )
    return [AuditRecordView(**row) for row in rows]
