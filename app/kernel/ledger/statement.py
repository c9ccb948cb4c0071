"""An account's statement: its postings, the last first, each with the balance after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel.database import current, fetch
from app.kernel.ledger.queries import balance
from app.kernel.ledger.values import StatementLine, StatementPosition


class StatementFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which postings are told; the balance after each is that of them all. `operation` is what
    theirs begins with."""

    operation: str = ""
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        return msgspec.structs.astuple(self)


EVERY_POSTING = StatementFilter()
# By transaction, because that is how the index of an account's postings is sorted: a page reads its
# own rows, however many the account has.
_STATEMENT = """
SELECT p.xid, p.entry_id, p.position, p.amount,
  e.operation, e.narrative, e.effective_on, e.recorded_at
FROM ledger_posting p
JOIN ledger_entry e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
WHERE p.tenant_id = $1 AND p.account_id = $2
  AND ($3::text IS NULL OR p.xid <= $3::text::xid8)
  AND ($3::text IS NULL
    OR (p.xid, p.entry_id, p.position) < ($3::text::xid8, $4::uuid, $5::integer))
  AND starts_with(e.operation, $6)
  AND ($7::timestamptz IS NULL OR e.recorded_at >= $7)
  AND ($8::timestamptz IS NULL OR e.recorded_at < $8)
ORDER BY p.xid DESC, p.entry_id DESC, p.position DESC LIMIT $9
"""
# What was posted after each line, down from the line before it, or from now.
_POSTED_BETWEEN = f"""
SELECT line.xid::text AS transaction, line.entry_id, line.position, line.amount, line.operation,
  line.narrative, line.effective_on, line.recorded_at,
  (SELECT coalesce(sum(p.amount), 0) FROM ledger_posting p
   WHERE p.tenant_id = $1 AND p.account_id = $2
     AND p.xid >= line.xid AND (line.xid_above IS NULL OR p.xid <= line.xid_above)
     AND (p.xid, p.entry_id, p.position) > (line.xid, line.entry_id, line.position)
     AND (line.xid_above IS NULL OR (p.xid, p.entry_id, p.position)
       <= (line.xid_above, line.entry_above, line.position_above))) AS posted_after
FROM (SELECT found.*, lag(xid) OVER down AS xid_above, lag(entry_id) OVER down AS entry_above,
    lag(position) OVER down AS position_above FROM ({_STATEMENT}) found
  WINDOW down AS (ORDER BY xid DESC, entry_id DESC, position DESC)) line
ORDER BY line.xid DESC, line.entry_id DESC, line.position DESC
"""


async def statement(
    *,
    account_id: UUID,
    chosen: StatementFilter = EVERY_POSTING,
    after: StatementPosition | None = None,
    limit: int = 50,
) -> list[StatementLine]:
    """The postings of an account, the last posted first, each with the balance after it.

    The running balance goes back from what is there now, so ask in a unit of work that sees one
    moment (repeatable read). Raises `NotFound`.
    """
    running = await balance(account_id=account_id)
    place: tuple[str | None, UUID | None, int | None] = (None, None, None)
    if after is not None:
        place = (str(after.transaction), after.entry_id, after.position)
    rows = await fetch(
        _POSTED_BETWEEN, current().tenant, account_id, *place, *chosen.arguments, limit
    )
    lines = []
    for row in rows:
        values = dict(row)
        running -= values.pop("posted_after")
        at = StatementPosition(
            int(values.pop("transaction")), values["entry_id"], values.pop("position")
        )
        lines.append(StatementLine(at=at, balance=running, **values))
    return lines
