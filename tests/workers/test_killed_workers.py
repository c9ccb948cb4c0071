"""Workers killed at random instants: nothing lost, nothing twice, resumed within seconds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from app.kernel.actors import SYSTEM
from app.kernel.approvals.operations import decide
from app.kernel.approvals.values import Decision
from app.kernel.clock import advance_clock
from app.kernel.database import fetch, unit_of_work
from app.kernel.deadlines import propose_extension, start_deadline
from app.kernel.deadlines.firing import fire_due
from app.kernel.ids import new_id
from app.kernel.invariants import verify_tenant
from app.kernel.jobs.invariants import INVARIANTS
from app.kernel.jobs.wakeups import queue_name
from tests.support.database import DatabaseUrls, TestTenant, a_person, connected
from tests.support.drill_work import effect_counts, enqueue_drill, states
from tests.support.waiting import eventually

JOBS = 60
KILLS = 5
CLOCKS = 40


async def test_every_job_takes_effect_once_though_workers_are_killed(
    tenant: TestTenant, new_process: Callable[[str], Any], redis: Any, calls: Path
) -> None:
    dice = random.Random(20261122)
    await new_process("relay").start()
    worker = await new_process("worker").start()
    for _ in range(KILLS):
        await enqueue_drill(tenant.id, "drill.inside", JOBS // KILLS)
        outside = await enqueue_drill(tenant.id, "drill.outside", JOBS // KILLS)
        await asyncio.sleep(dice.uniform(0, 0.12))
        worker.kill()
        await worker.start()
    jobs = 2 * KILLS * (JOBS // KILLS)
    await eventually(lambda: states(tenant.id), Counter(done=jobs), within_seconds=15)
    assert await effect_counts(tenant.id) == {1}
    called = calls.read_text().split()
    assert len(called) >= KILLS * (JOBS // KILLS)
    assert {str(job) for job in outside} <= set(called)
    results = await verify_tenant(tenant_id=tenant.id, invariants=INVARIANTS)
    assert [result for result in results if not result.ok] == []

    # Dead messages would starve arq's reading of live ones.
    async def left_over() -> int:
        return int(await redis.zcard(queue_name()))

    await eventually(left_over, 0, within_seconds=6)


async def test_every_mark_of_an_extended_clock_fires_once_though_workers_are_killed(
    tenant: TestTenant, new_process: Callable[[str], Any]
) -> None:
    dice = random.Random(20261126)
    asking, deciding = a_person("Ada"), a_person("Bob")
    deciding = msgspec.structs.replace(deciding, permissions=frozenset({"deadline:decide"}))
    worker = await new_process("worker").start()

    async def pass_time(hours: float) -> None:
        async with unit_of_work(tenant=None, actor=SYSTEM):
            await advance_clock(seconds=int(hours * 3600))

    async def kill_while_they_fire() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0, 0.12))
            worker.kill()
            await worker.start()

    async def marks() -> Counter[str]:
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            rows = await fetch("SELECT fraction FROM deadline_trail WHERE event = 'mark'")
        return Counter(f"{row['fraction'].normalize()}" for row in rows)

    async with unit_of_work(tenant=tenant.id, actor=asking):
        clocks = [
            await start_deadline(
                kind="drill",
                subject_kind="thing",
                subject_id=new_id(),
                due_in=timedelta(hours=10),
                marks=[Decimal("0.5"), Decimal("0.8")],
            )
            for _ in range(CLOCKS)
        ]
    await pass_time(6)
    await kill_while_they_fire()
    await eventually(marks, Counter({"0.5": CLOCKS}), within_seconds=15)
    async with unit_of_work(tenant=tenant.id, actor=asking) as unit:
        later = unit.now + timedelta(hours=14)
        asked = [
            await propose_extension(deadline_id=clock, due_at=later, reason="Slow")
            for clock in clocks
        ]
    async with unit_of_work(tenant=tenant.id, actor=deciding):
        for approval_id in asked:
            await decide(approval_id=approval_id, decision=Decision.approve, note="")
    await pass_time(9)  # 15 of 20: the end that was, and four fifths of it, have passed
    await fire_due()
    assert await marks() == Counter({"0.5": CLOCKS})
    await pass_time(5.5)
    await kill_while_they_fire()
    await eventually(marks, Counter({"0.5": CLOCKS, "0.8": CLOCKS, "1": CLOCKS}), within_seconds=15)
    assert await effect_counts(tenant.id) == {1}
    results = await verify_tenant(tenant_id=tenant.id)
    assert [result for result in results if not result.ok] == []


async def test_a_killed_workers_job_goes_on_elsewhere_within_five_seconds(
    tenant: TestTenant, new_process: Callable[[str], Any]
) -> None:
    first = await new_process("worker").start()
    second = await new_process("worker").start()
    await enqueue_drill(tenant.id, "drill.outside", 30)

    async def any_running() -> bool:
        return (await states(tenant.id))["running"] > 0

    await eventually(any_running, True, within_seconds=5)
    first.kill()
    took = await eventually(lambda: states(tenant.id), Counter(done=30), within_seconds=8)
    assert took < 5
    assert await effect_counts(tenant.id) == {1}
    assert second.is_running


async def test_a_worker_that_is_told_to_stop_finishes_and_leaves_cleanly(
    tenant: TestTenant, new_process: Callable[[str], Any]
) -> None:
    worker = await new_process("worker").start()
    # What libraries have left running is not waited for.
    await enqueue_drill(tenant.id, "drill.thread", 1)
    await eventually(lambda: states(tenant.id), Counter(done=1), within_seconds=8)
    await enqueue_drill(tenant.id, "drill.inside", 40)
    assert await worker.stop() == 0
    assert (await states(tenant.id))["running"] == 0
    await new_process("worker").start()
    await eventually(lambda: states(tenant.id), Counter(done=41), within_seconds=8)
    assert await effect_counts(tenant.id) == {1}


async def test_worker_and_relay_survive_the_loss_of_every_connection(
    tenant: TestTenant, new_process: Callable[[str], Any], database: DatabaseUrls
) -> None:
    relay = await new_process("relay").start()
    worker = await new_process("worker").start()
    await enqueue_drill(tenant.id, "drill.outside", 10)
    async with connected(database.admin) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'stakehold_app'"
            " AND pid <> pg_backend_pid()"
        )
    await enqueue_drill(tenant.id, "drill.inside", 10)
    await eventually(lambda: states(tenant.id), Counter(done=20), within_seconds=10)
    assert await effect_counts(tenant.id) == {1}
    assert relay.is_running
    assert worker.is_running
