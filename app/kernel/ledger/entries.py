"""The entries of the ledger as a list."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.database import current, fetch, matching
from app.kernel.ledger.values import EntryRow
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

# By nothing else: entries grow without end, and this is the order they were posted in.
ENTRIES = Sorting(keys={"recorded_at": SortKey("e.id", "uuid")}, default="-recorded_at", tie="e.id")


class EntryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`operation` is what theirs begins with, `words` any part of the narrative."""

    book_id: UUID | None = None
    operation: str = ""
    words: str = ""
    subject_kind: str | None = None
    subject_id: UUID | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        return current().tenant, *msgspec.structs.astuple(self)


EVERY_ENTRY = EntryFilter()
_MATCHING = """
FROM ledger_entry e
JOIN ledger_book k ON k.tenant_id = e.tenant_id AND k.id = e.book_id
WHERE e.tenant_id = $1
  AND ($2::uuid IS NULL OR e.book_id = $2)
  AND starts_with(lower(e.operation), lower($3))
  AND position(lower($4) IN lower(e.narrative)) > 0
  AND ($5::text IS NULL OR e.subject_kind = $5)
  AND ($6::uuid IS NULL OR e.subject_id = $6)
  AND ($7::timestamptz IS NULL OR e.recorded_at >= $7)
  AND ($8::timestamptz IS NULL OR e.recorded_at < $8)
"""


async def entries(
    *,
    chosen: EntryFilter = EVERY_ENTRY,
    order: Order = ENTRIES.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[EntryRow]:
    """Entries of the tenant."""
    rows = await fetch(
        "SELECT e.id, e.book_id, k.name AS book_name, e.operation, e.narrative, e.subject_kind,"
        " e.subject_id, e.effective_on, e.recorded_at, e.reverses_id,"
        " (SELECT count(*) FROM ledger_posting p"
        "  WHERE p.tenant_id = e.tenant_id AND p.entry_id = e.id) AS postings,"
        f" {order.column} {_MATCHING} AND {order.behind(after, argument=9)}"
        f" {order.clause} LIMIT $11",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    names = EntryRow.__struct_fields__
    shown = [EntryRow(**{name: row[name] for name in names}) for row in rows[:limit]]
    return order.sliced(rows, limit=limit, rows=shown)


async def entry_count(*, chosen: EntryFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)
