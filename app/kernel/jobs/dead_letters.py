"""Jobs that failed for good: operations read them, mend the cause, and run them again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.database import execute, fetch, fetch_row
from app.kernel.errors import Conflict, NotFound


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
    title = "This job has not failed for good, so there is nothing to run again"


async def dead_letters(
    *,
    kind: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[DeadLetter]:
    """The tenant's dead jobs, the latest first.

    `after` is when the last one of the page before was finished, and its id.
    """
    rows = await fetch(
        "SELECT id, kind, payload, failures, last_error, created_at, finished_at FROM job"
        " WHERE state = 'dead' AND ($1::text IS NULL OR kind = $1)"
        " AND ($2::timestamptz IS NULL OR (finished_at, id) < ($2, $3::uuid))"
        " ORDER BY finished_at DESC, id DESC LIMIT $4",
        kind,
        *(after or (None, None)),
        limit,
    )
    return [DeadLetter(**dict(row)) for row in rows]


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
