"""Give a dead job up, with a reason: it never runs again, and stays on record.

Each kind says what stays undone, or that it must be kept while something hangs on it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from app.kernel import audit
from app.kernel.database import execute, fetch_row
from app.kernel.errors import Conflict, NotFound
from app.kernel.jobs.dead_letters import DeadLetter, JobNotDead
from app.kernel.jobs.registry import is_known, spec_of
from app.kernel.jobs.values import JobState
from app.kernel.notes import checked_reason

UNKNOWN = (
    "This version of the portal does not know jobs of this kind, so nobody can say what stays"
    " undone: look at what it names first"
)


class JobKept(Conflict):
    code = "JOB_KEPT"
    title = "This job may not be discarded while something hangs on it"


class Discarding(msgspec.Struct, frozen=True, kw_only=True):
    """`undone` is what discarding it leaves undone; `kept` why that is refused, empty where it is
    not."""

    letter: DeadLetter
    undone: str
    kept: str


async def discarding(*, job_id: UUID) -> Discarding:
    """What discarding a dead job comes to. Raises `NotFound` where it is not dead (any more)."""
    row = await fetch_row(
        "SELECT id, kind, payload, failures, last_error, created_at, finished_at FROM job"
        " WHERE id = $1 AND state = 'dead'",
        job_id,
    )
    if row is None:
        raise NotFound
    letter = DeadLetter(**dict(row))
    return Discarding(
        letter=letter,
        undone=undone_by(letter.kind),
        kept=await _kept(letter.kind, letter.payload),
    )


async def discard(*, job_id: UUID, reason: str) -> None:
    """Raises `NotFound`, `JobNotDead`, `JobKept` where something hangs on it, and `InputInvalid`
    without a reason."""
    reason = checked_reason(reason, field="reason")
    # The job's row first, as its runner does: whoever comes second finds it no longer dead.
    row = await fetch_row(
        "SELECT kind, payload, state, failures FROM job WHERE id = $1 FOR UPDATE", job_id
    )
    if row is None:
        raise NotFound
    if row["state"] != JobState.dead:
        raise JobNotDead
    if kept := await _kept(row["kind"], row["payload"]):
        raise JobKept(kept)
    await execute(
        "UPDATE job SET state = $2, finished_at = clock_timestamp() WHERE id = $1",
        job_id,
        JobState.discarded.value,
    )
    await audit.record(
        action="job.discard",
        subject_kind="job",
        subject_id=job_id,
        before={"state": JobState.dead.value, "failures": row["failures"]},
        after={
            "state": JobState.discarded.value,
            "kind": row["kind"],
            "reason": reason,
            "undone": undone_by(row["kind"]),
        },
    )


def undone_by(kind: str) -> str:
    """What a job of this kind leaves undone when it never runs, in words."""
    return (spec_of(kind).undone if is_known(kind) else "") or UNKNOWN


async def _kept(kind: str, payload: dict[str, Any]) -> str:
    kept_while = spec_of(kind).kept_while if is_known(kind) else None
    return "" if kept_while is None else await kept_while(payload)
