"""Reading the trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.audit.values import AuditRecordView
from app.kernel.database import current, fetch, matching
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

_COLUMNS = """
id, recorded_at, business_at, actor_id, actor_name, actor_role, action, subject_kind, subject_id,
before, after, request_id, address
"""

# By nothing else: the trail grows without end, and this is the order it is kept in.
AUDIT_RECORDS = Sorting(
    keys={"recorded_at": SortKey("id", "uuid")}, default="-recorded_at", tie="id"
)


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`actor_name` and `words` are any part of the actor's name and of the action, `action` is what
    the action begins with."""

    subject_kind: str | None = None
    subject_id: UUID | None = None
    actor_id: UUID | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None
    actor_name: str = ""
    action: str = ""
    words: str = ""

    @property
    def arguments(self) -> tuple[Any, ...]:
        return current().tenant, *msgspec.structs.astuple(self)


EVERY_RECORD = AuditFilter()
_MATCHING = """
FROM audit_record
WHERE tenant_id = $1
  AND ($2::text IS NULL OR subject_kind = $2)
  AND ($3::uuid IS NULL OR subject_id = $3)
  AND ($4::uuid IS NULL OR actor_id = $4)
  AND ($5::timestamptz IS NULL OR recorded_at >= $5)
  AND ($6::timestamptz IS NULL OR recorded_at < $6)
  AND position(lower($7) IN lower(actor_name)) > 0
  AND starts_with(lower(action), lower($8))
  AND position(lower($9) IN lower(action)) > 0
"""


async def records(
    *,
    chosen: AuditFilter = EVERY_RECORD,
    order: Order = AUDIT_RECORDS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[AuditRecordView]:
    """The tenant's records that match."""
    rows = await fetch(
        f"SELECT {_COLUMNS}, {order.column} {_MATCHING} AND {order.behind(after, argument=10)}"
        f" {order.clause} LIMIT $12",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    names = AuditRecordView.__struct_fields__
    views = [AuditRecordView(**{name: row[name] for name in names}) for row in rows[:limit]]
    return order.sliced(rows, limit=limit, rows=views)


async def record_count(*, chosen: AuditFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)
