"""Jobs, consumers and handlers that only tests declare, and what they noted down.

Each is declared once for the process; a test puts its own behaviour in `behaviours` by name, and
reads from `calls` what happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from app import registry
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, fetch, fetch_row, unit_of_work
from app.kernel.deadlines import (
    ChangeKind,
    ChangeNews,
    FiredMark,
    on_mark,
    register_clock_subject,
)
from app.kernel.ids import new_id
from app.kernel.jobs import OutsideCall, job, outside_job
from app.kernel.jobs.running import run_job
from app.kernel.jobs.values import JobRef, Lane
from app.kernel.outbox import ConsumedEvent, consumer

Behaviour = Callable[[Any], Awaitable[None]]

calls: list[tuple[str, Any]] = []
behaviours: dict[str, Behaviour] = {}


@pytest.fixture(autouse=True)
def fresh_work() -> Iterator[None]:
    """No behaviours and no calls at the start; imported by the conftest of whoever uses these."""
    calls.clear()
    behaviours.clear()
    refusals.clear()
    yield
    behaviours.clear()
    refusals.clear()


async def _do(name: str, given: Any) -> None:
    calls.append((name, given))
    if name in behaviours:
        await behaviours[name](given)


@job("test.inside", attempts_max=3)
async def inside(*, payload: dict[str, Any]) -> None:
    await _do("inside", payload)


@job("test.shared", attempts_max=3, together=True)
async def shared(*, payload: dict[str, Any]) -> None:
    await _do("shared", payload)


@outside_job("test.outside", attempts_max=3)
async def outside(call: OutsideCall) -> None:
    await _do("outside", call)


@outside_job("test.mail", lane=Lane.mail)
async def mail(call: OutsideCall) -> None:
    await _do("mail", call)


@consumer("test.happened", name="test.first")
async def first(event: ConsumedEvent) -> None:
    await _do("first", event)


@consumer("test.happened", name="test.second")
async def second(event: ConsumedEvent) -> None:
    await _do("second", event)


@on_mark("test")
async def mark(fired: FiredMark) -> None:
    await _do("mark", fired)


async def _lock_thing(_: UUID) -> None:
    """There is no row to lock: a thing is its id."""


def _check_thing(kind: ChangeKind, clock: str, _: None) -> None:
    if refusal := refusals.get(kind):
        raise refusal


async def _tell_of_thing(news: ChangeNews, _: None) -> None:
    await _do("change", news)


# What a test lets things say against a change of their clocks.
refusals: dict[ChangeKind, Exception] = {}
register_clock_subject("thing", lock=_lock_thing, check=_check_thing, tell=_tell_of_thing)

registry.load()


async def leave_effect(name: str) -> None:
    """An effect that a test can count: a row in the tenant of the open unit of work."""
    await execute(
        "INSERT INTO outbox_event (tenant_id, id, type, version, subject_kind, subject_id, payload,"
        " topics, consumers, actor_name, request_id, trace, occurred_at, recorded_at, state)"
        " VALUES (current_setting('app.tenant_id')::uuid, $1, 'test.effect', 1, $2, $1,"
        " '{}'::jsonb, '{}', '{}', 'test', '', '', now(), now(), 'pending')",
        new_id(),
        name,
    )


async def effects(tenant: UUID, name: str) -> int:
    async with unit_of_work(tenant=tenant, actor=SYSTEM):
        rows = await fetch(
            "SELECT 1 FROM outbox_event WHERE type = 'test.effect' AND subject_kind = $1", name
        )
    return len(rows)


async def row_of(tenant: UUID, job_id: UUID) -> Any:
    async with unit_of_work(tenant=tenant, actor=SYSTEM):
        return await fetch_row("SELECT * FROM job WHERE id = $1", job_id)


async def make_due(tenant: UUID, job_id: UUID) -> None:
    """Pull a job that waits for its next attempt forward, and let a lease run out."""
    async with unit_of_work(tenant=tenant, actor=SYSTEM):
        await execute(
            "UPDATE job SET due_at = clock_timestamp() - interval '1 second', lease_until ="
            " CASE WHEN state = 'running' THEN clock_timestamp() - interval '1 second' END"
            " WHERE id = $1",
            job_id,
        )


async def run(tenant: UUID, job_id: UUID) -> float | None:
    row = await row_of(tenant, job_id)
    return await run_job(JobRef(tenant, job_id, row["kind"]))
