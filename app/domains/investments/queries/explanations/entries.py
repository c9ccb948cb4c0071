"""The ledger entries behind an amount, the latest first, and which of them the viewer may open."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.domains.investments.queries.explanations.explanation import EntryLine
from app.domains.investments.queries.row_scope import visible_entry_ids
from app.kernel.database import fetch, fetch_value

SHOWN_MAX = 20


async def entries_of_subject(*, kind: str, subject_id: UUID) -> tuple[list[EntryLine], int]:
    """What was posted for it, and how many entries that are."""
    return await _entries("e.subject_kind = $1 AND e.subject_id = $2", kind, subject_id)


async def entries_on(*, account_ids: Sequence[UUID]) -> tuple[list[EntryLine], int]:
    """What moved any of these accounts, and how many entries that are."""
    return await _entries(
        "e.id IN (SELECT p.entry_id FROM ledger_posting p"
        " WHERE p.tenant_id = e.tenant_id AND p.account_id = ANY($1))"
        " AND $2::uuid IS NULL",
        list(account_ids),
        None,
    )


async def _entries(condition: str, *arguments: object) -> tuple[list[EntryLine], int]:
    rows = await fetch(
        "SELECT e.id, e.narrative, e.operation, e.effective_on FROM ledger_entry e"
        f" WHERE {condition} ORDER BY e.id DESC LIMIT $3",
        *arguments,
        SHOWN_MAX,
    )
    count = len(rows)
    if count == SHOWN_MAX:
        count = await fetch_value(
            f"SELECT count(*) FROM ledger_entry e WHERE {condition}", *arguments
        )
    open_ids = await visible_entry_ids(entry_ids=[row["id"] for row in rows])
    lines = [
        EntryLine(
            id=row["id"],
            narrative=row["narrative"] or row["operation"],
            effective_on=row["effective_on"],
            may_open=row["id"] in open_ids,
        )
        for row in rows
    ]
    return lines, count
