"""Jobs that share a transaction: each takes effect once, and one that fails undoes no other."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from msgspec.structs import replace

from app.kernel.actors import SYSTEM
from app.kernel.database import current, fetch, unit_of_work
from app.kernel.jobs import enqueue
from app.kernel.jobs.lanes import Lanes
from app.kernel.jobs.values import JobRef
from tests.support import work
from tests.support.database import TestTenant

COUNT = 30


async def shared_jobs(tenant: TestTenant, count: int = COUNT) -> list[JobRef]:
    """Each ordered by a request of its own."""
    refs = []
    for number in range(count):
        person = replace(SYSTEM, request_id=f"request-{number}")
        async with unit_of_work(tenant=tenant.id, actor=person):
            job_id = await enqueue(kind="test.shared", payload={"number": number})
        refs.append(JobRef(tenant.id, job_id, "test.shared"))
    return refs


async def run_all(refs: list[JobRef]) -> None:
    lanes = Lanes()
    await lanes.run(refs)
    while lanes.busy:
        await asyncio.sleep(0.001)


async def rows_of(tenant: TestTenant) -> list[Any]:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        return await fetch("SELECT payload, state, failures, attempt, xmin::text AS by FROM job")


async def leave_effect(payload: dict[str, Any]) -> None:
    assert current().actor.request_id == f"request-{payload['number']}"
    await work.leave_effect(f"number-{payload['number']}")


async def test_run_in_few_transactions_each_once_and_for_who_ordered_it(
    tenant: TestTenant,
) -> None:
    work.behaviours["shared"] = leave_effect
    await run_all(await shared_jobs(tenant))
    rows = await rows_of(tenant)
    assert Counter((row["state"], row["attempt"]) for row in rows) == {("done", 1): COUNT}
    assert len({row["by"] for row in rows}) <= COUNT // 3
    assert [await work.effects(tenant.id, f"number-{n}") for n in range(COUNT)] == [1] * COUNT


async def test_one_that_fails_is_tried_again_alone_and_the_others_are_done(
    tenant: TestTenant,
) -> None:
    async def fail_one(payload: dict[str, Any]) -> None:
        await leave_effect(payload)
        if payload["number"] == 7:
            raise RuntimeError("not this one")

    work.behaviours["shared"] = fail_one
    await run_all(await shared_jobs(tenant))
    rows = {row["payload"]["number"]: row for row in await rows_of(tenant)}
    failed = rows.pop(7)
    assert (failed["state"], failed["failures"]) == ("pending", 1)
    assert {(row["state"], row["failures"]) for row in rows.values()} == {("done", 0)}
    effects = [await work.effects(tenant.id, f"number-{n}") for n in range(COUNT)]
    assert effects == [0 if n == 7 else 1 for n in range(COUNT)]


async def test_two_workers_share_nothing_twice(tenant: TestTenant) -> None:
    work.behaviours["shared"] = leave_effect
    refs = await shared_jobs(tenant)
    await asyncio.gather(run_all(refs), run_all(refs), run_all(refs[::-1]))
    assert {row["state"] for row in await rows_of(tenant)} == {"done"}
    assert [await work.effects(tenant.id, f"number-{n}") for n in range(COUNT)] == [1] * COUNT


async def test_another_tenants_jobs_run_in_their_own(tenant: TestTenant, new_tenant: Any) -> None:
    other = await new_tenant()
    work.behaviours["shared"] = leave_effect
    mine, theirs = await shared_jobs(tenant, 6), await shared_jobs(other, 6)
    await run_all([ref for pair in zip(mine, theirs, strict=True) for ref in pair])
    for one in (tenant, other):
        assert {row["state"] for row in await rows_of(one)} == {"done"}
        assert [await work.effects(one.id, f"number-{n}") for n in range(6)] == [1] * 6
