"""Putting jobs on the queue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import current, unit_of_work
from app.kernel.jobs import enqueue
from app.kernel.jobs.queue import due_jobs
from tests.support import work
from tests.support.database import TestTenant, a_person


async def test_it_starts_only_after_the_commit(tenant: TestTenant) -> None:
    with pytest.raises(ZeroDivisionError):
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await enqueue(kind="test.inside", payload={})
            assert 1 / 0
    assert [ref for ref in await due_jobs(limit=500) if ref.tenant_id == tenant.id] == []


async def test_a_key_names_one_job_for_good(tenant: TestTenant) -> None:
    async def once() -> UUID:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            return await enqueue(kind="test.inside", payload={}, key="only")

    ids = set(await asyncio.gather(*(once() for _ in range(10))))
    assert len(ids) == 1
    await work.run(tenant.id, ids.pop())
    await work.run(tenant.id, await once())
    assert len(work.calls) == 1


async def test_a_job_of_the_future_waits(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        later = await enqueue(
            kind="test.inside", payload={}, due_at=datetime.now(UTC) + timedelta(hours=1)
        )
    await work.run(tenant.id, later)
    assert not work.calls


async def test_it_is_found_across_tenants_but_seen_only_in_its_own(
    tenant: TestTenant, new_tenant
) -> None:
    other = await new_tenant()
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        job_id = await enqueue(kind="test.inside", payload={})
    assert job_id in {ref.id for ref in await due_jobs(limit=500)}
    assert await work.row_of(other.id, job_id) is None


async def test_it_remembers_the_request_that_made_it(tenant: TestTenant) -> None:
    person = a_person()
    seen = []

    async def behaviour(_: object) -> None:
        seen.append(current().actor)

    work.behaviours["inside"] = behaviour
    async with unit_of_work(tenant=tenant.id, actor=person):
        job_id = await enqueue(kind="test.inside", payload={})
    await work.run(tenant.id, job_id)
    assert seen[0].request_id == person.request_id
    assert seen[0].is_system
