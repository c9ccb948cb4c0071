"""Work for the workers of `worker_process.py`, and what has become of it: counted jobs and timers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch, fetch_value, unit_of_work
from app.kernel.deadlines import start_deadline
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue

MARKS = (Decimal("0.5"), Decimal("0.8"), Decimal(1))


async def enqueue_drill(tenant_id: UUID, kind: str, count: int) -> list[UUID]:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        return [await enqueue(kind=kind, payload={"name": str(new_id())}) for _ in range(count)]


async def states(tenant_id: UUID) -> Counter[str]:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        return Counter(row["state"] for row in await fetch("SELECT state FROM job"))


async def effect_counts(tenant_id: UUID) -> set[int]:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        rows = await fetch(
            "SELECT count(*) AS times FROM outbox_event WHERE type = 'test.effect'"
            " GROUP BY subject_kind"
        )
    return {row["times"] for row in rows}


async def start_deadlines(
    tenant_id: UUID, count: int, *, due_in: Sequence[timedelta] = (timedelta(hours=36),)
) -> None:
    """`count` timers with three marks each, due as `due_in` says, in turn."""
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        for number in range(count):
            await start_deadline(
                kind="drill",
                subject_kind="thing",
                subject_id=new_id(),
                due_in=due_in[number % len(due_in)],
                marks=MARKS,
            )


async def marks_fired(tenant_id: UUID) -> int:
    async with unit_of_work(tenant=tenant_id, actor=SYSTEM):
        fired: int = await fetch_value("SELECT count(*) FROM deadline_trail WHERE event = 'mark'")
    return fired
