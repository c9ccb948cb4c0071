"""Jobs that failed for good: operations read them, mend the cause, and run them again.

`discarding.py` is for those that nobody will ever run again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.database import execute, fetch, fetch_row, matching
from app.kernel.errors import Conflict, NotFound
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    kind: str
    payload: dict[str, Any]
    failures: int
    last_error: str
    created_at: datetime
    finished_at: datetime


class JobNotDead(Conflict):
    code = "JOB_NOT_DEAD"
    title = (
        "This job has not failed for good, or no longer: there is nothing to run again or discard"
    )


DEAD_LETTERS = Sorting(
    keys={
        "finished_at": SortKey("finished_at", "timestamptz"),
        "kind": SortKey("kind", "text"),
        "failures": SortKey("failures", "integer"),
    },
    default="-finished_at",
    tie="id",
)


class DeadLetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`error` is any part of the last one."""

    kind: str | None = None
    error: str = ""
    finished_from: datetime | None = None
    finished_before: datetime | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.kind, self.error, self.finished_from, self.finished_before


EVERY_DEAD_LETTER = DeadLetterFilter()
_MATCHING = """
    FROM job WHERE state = 'dead' AND ($1::text IS NULL OR kind = $1)
    AND position(lower($2) IN lower(last_error)) > 0
    AND ($3::timestamptz IS NULL OR finished_at >= $3)
    AND ($4::timestamptz IS NULL OR finished_at < $4)
"""


async def dead_letters(
    *,
    chosen: DeadLetterFilter = EVERY_DEAD_LETTER,
    order: Order = DEAD_LETTERS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[DeadLetter]:
    """The tenant's dead jobs."""
    rows = await fetch(
        "SELECT id, kind, payload, failures, last_error, created_at, finished_at,"
        f" {order.column} {_MATCHING} AND {order.behind(after, argument=5)}"
        f" {order.clause} LIMIT $7",
        *chosen.arguments,
        *order.arguments(after),
        limit + 1,
    )
    names = DeadLetter.__struct_fields__
    letters = [DeadLetter(**{name: row[name] for name in names}) for row in rows[:limit]]
    return order.sliced(rows, limit=limit, rows=letters)


async def dead_letter_count(*, chosen: DeadLetterFilter, limit: int) -> int:
    """How many match; not counted beyond `limit`."""
    return await matching(_MATCHING, *chosen.arguments, limit=limit)


async def rerun(*, job_id: UUID) -> None:
    """Give a dead job all its attempts again, now. Raises `NotFound` and `JobNotDead`."""
    row = await fetch_row("SELECT kind, state, failures FROM job WHERE id = $1 FOR UPDATE", job_id)
    if row is None:
        raise NotFound
    if row["state"] != "dead":
        raise JobNotDead
    await execute(
        "UPDATE job SET state = 'pending', failures = 0, due_at = clock_timestamp(),"
        " finished_at = NULL WHERE id = $1",
        job_id,
    )
    await audit.record(
        action="job.rerun",
        subject_kind="job",
        subject_id=job_id,
        before={"state": "dead", "failures": row["failures"]},
        after={"state": "pending", "kind": row["kind"]},
    )
    # The insert trigger does not see this; tell the workers ourselves, at commit.
    await execute("SELECT pg_notify('stakehold_jobs', '')")
