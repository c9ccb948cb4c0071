"""Put jobs on the queue, and find the due ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import current, fetch, fetch_value, unit_of_work
from app.kernel.ids import new_id
from app.kernel.jobs.registry import kinds_of
from app.kernel.jobs.values import JobRef, Lane


async def enqueue(
    *,
    kind: str,
    payload: dict[str, Any],
    key: str | None = None,
    due_at: datetime | None = None,
) -> UUID:
    """Write a job into the open unit of work and return its id; it starts after the commit.

    With a `key`, a second job of this kind and key is not made, ever: the first one's id comes
    back, done or not. `due_at` is real time, not business time.
    """
    unit = current()
    job_id = new_id()
    made = await fetch_value(
        "INSERT INTO job (tenant_id, id, kind, key, payload, state, due_at, attempt, failures,"
        " request_id, trace, created_at) VALUES ($1, $2, $3, $4, $5, 'pending',"
        " coalesce($6, clock_timestamp()), 0, 0, $7, $8, clock_timestamp())"
        " ON CONFLICT (tenant_id, kind, key) DO NOTHING RETURNING id",
        unit.tenant,
        job_id,
        kind,
        key,
        payload,
        due_at,
        unit.actor.request_id,
        unit.actor.trace,
    )
    if made is not None:
        return job_id
    # A statement of its own: its snapshot sees what the first one only bumped into.
    first: UUID = await fetch_value(
        "SELECT id FROM job WHERE tenant_id = $1 AND kind = $2 AND key = $3",
        unit.tenant,
        kind,
        key,
    )
    return first


async def due_jobs(
    *, limit: int, except_ids: Collection[UUID] = (), lane: Lane | None = None
) -> list[JobRef]:
    """Due jobs of every tenant, and jobs whose runner has lost its lease; claims nothing.

    With a `lane`, only jobs of that lane: those of another, however many, do not use up the limit.
    """
    async with unit_of_work(tenant=None, actor=SYSTEM, read_only=True):
        rows = await fetch(
            "SELECT * FROM due_jobs_of_kinds($1, $2, $3, $4)",
            limit,
            list(except_ids),
            *_kinds(lane),
        )
    return [JobRef(**dict(row)) for row in rows]


def _kinds(lane: Lane | None) -> tuple[list[str], bool]:
    """Kinds, and whether these are wanted or all others."""
    if lane is None:
        return [], False
    if lane is Lane.inside:
        # Kinds that nobody declared belong here, see `lane_of`.
        return [kind for other in Lane if other is not lane for kind in kinds_of(other)], False
    return kinds_of(lane), True
