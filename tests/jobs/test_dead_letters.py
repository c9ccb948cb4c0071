"""Dead letters: read, and run again."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_row, unit_of_work
from app.kernel.errors import NotFound
from app.kernel.jobs import FailedForGood, JobNotDead, dead_letters, enqueue, rerun
from tests.support import work
from tests.support.database import TestTenant, a_person


async def a_dead_job(tenant: TestTenant) -> UUID:
    async def fails(_: object) -> None:
        raise FailedForGood("broken")

    work.behaviours["inside"] = fails
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        job_id = await enqueue(kind="test.inside", payload={"what": "this"})
    await work.run(tenant.id, job_id)
    work.behaviours.clear()
    return job_id


async def test_a_rerun_job_has_all_its_attempts_again(tenant: TestTenant) -> None:
    job_id = await a_dead_job(tenant)
    person = a_person()
    async with unit_of_work(tenant=tenant.id, actor=person):
        await rerun(job_id=job_id)
    async with unit_of_work(tenant=tenant.id, actor=person):
        record = await fetch_row("SELECT * FROM audit_record WHERE action = 'job.rerun'")
    assert record is not None and record["actor_id"] == person.id
    await work.run(tenant.id, job_id)
    assert (await work.row_of(tenant.id, job_id))["state"] == "done"
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert await dead_letters() == []


async def test_only_a_dead_one_is_rerun(tenant: TestTenant) -> None:
    job_id = await a_dead_job(tenant)
    async with unit_of_work(tenant=tenant.id, actor=a_person()):
        await rerun(job_id=job_id)
        with pytest.raises(JobNotDead):
            await rerun(job_id=job_id)


async def test_another_tenants_dead_letters_are_not_there(tenant: TestTenant, new_tenant) -> None:
    job_id = await a_dead_job(tenant)
    other = await new_tenant()
    async with unit_of_work(tenant=other.id, actor=a_person()):
        assert await dead_letters() == []
        with pytest.raises(NotFound):
            await rerun(job_id=job_id)
