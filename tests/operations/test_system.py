"""How the portal runs, as operations, compliance and administrators see it."""

from __future__ import annotations

from typing import Any

from app.kernel.database import execute
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue
from app.kernel.outbox import emit
from app.kernel.processes import Part, Traffic, processes
from app.kernel.upkeep import AUDIT_CHAIN, VERIFY_JOB, check_status
from tests.operations.test_jobs import a_dead_job
from tests.security.seats import Seat, Seats
from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk

REST = "/api/v1/system"


async def figures(seat: Seat) -> dict[str, Any]:
    answer = await seat.get(REST)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def a_check(desk: Desk, *, breaking: str = "") -> None:
    """As the hourly job leaves it: what it found, and that it is done."""
    async with desk.working("ops"):
        job = await enqueue(kind=VERIFY_JOB, payload={})
        if breaking:
            await emit(
                type="invariant.broken",
                subject_kind="tenant",
                subject_id=desk.tenant_id,
                payload={"invariant": breaking, "violations": 1},
                topics=["operations"],
            )
    async with desk.working("ops"):
        await execute(
            "UPDATE job SET state = 'done', finished_at = clock_timestamp() WHERE id = $1", job
        )


async def test_the_page_and_rest_say_the_same(seats: Seats, desk: Desk) -> None:
    await a_dead_job(desk)
    ops = await seats.of(desk, "ops")
    page = (await ops.get("/system")).text
    found = await figures(ops)
    assert "Jobs have failed for good" in found["troubles"]
    for trouble in found["troubles"]:
        assert f"{trouble}." in page
    assert found["jobs"]["dead"] == 1
    assert 'data-live-block="status"' in page and 'data-live-every="5"' in page
    block = await ops.browser.get("/system", headers={"HX-Request": "true", "X-Block": "status"})
    assert "<title>" not in block.text and "Jobs have failed for good" in block.text


async def test_late_work_is_said_in_seconds(
    seats: Seats, desk: Desk, database: DatabaseUrls
) -> None:
    ops = await seats.of(desk, "ops")
    async with desk.working("ops"):
        job = await enqueue(kind="test.late", payload={})
        await execute(
            "UPDATE job SET due_at = clock_timestamp() - interval '90 seconds' WHERE id = $1", job
        )
    async with desk.working("ops"):
        await emit(
            type="test.effect", subject_kind="thing", subject_id=new_id(), payload={}, topics=["x"]
        )
    async with connected(database.admin) as admin:
        # An event never changes: its trigger is set aside, for a past that a test cannot wait for.
        await admin.execute("SET session_replication_role = replica")
        await admin.execute(
            "UPDATE outbox_event SET recorded_at = clock_timestamp() - interval '70 seconds'"
            " WHERE type = 'test.effect' AND tenant_id = $1",
            desk.tenant_id,
        )
    found = await figures(ops)
    assert 90 <= found["job_lag_seconds"] < 100
    assert 70 <= found["relay_lag_seconds"] < 80
    assert {"Jobs are late", "Live pages are told late"} <= set(found["troubles"])


async def test_the_last_check_counts_until_the_next(seats: Seats, desk: Desk) -> None:
    ops = await seats.of(desk, "ops")
    await a_check(desk, breaking="ledger.balanced")
    found = await figures(ops)
    assert found["invariants"]["broken"] == ["ledger.balanced"]
    assert "Invariants are broken" in found["troubles"]
    assert "ledger.balanced" in (await ops.get("/system")).text
    await a_check(desk)
    found = await figures(ops)
    assert found["invariants"]["broken"] == []
    assert found["invariants"]["age_seconds"] < 60


async def test_a_broken_chain_is_no_broken_invariant(seats: Seats, desk: Desk) -> None:
    await a_check(desk, breaking=AUDIT_CHAIN)
    async with desk.working("ops"):
        assert (await check_status()).broken == []
    found = await figures(await seats.of(desk, "ops"))
    assert found["audit"]["broken_at"] is not None
    assert "The audit chain is broken" in found["troubles"]


async def test_the_web_process_reports_itself_and_leaves(seats: Seats, desk: Desk) -> None:
    ops = await seats.of(desk, "ops")
    found = await figures(ops)
    assert "web" in {one["part"] for one in found["processes"]}
    assert found["traffic"].keys() == {
        "error_rate",
        "median_seconds",
        "p95_seconds",
        "p99_seconds",
    }


async def test_a_silent_process_is_told_of(seats: Seats, desk: Desk) -> None:
    silent = new_id()
    async with desk.working("ops"):
        await execute(
            "INSERT INTO process_report VALUES ($1, 'relay', 'elsewhere', clock_timestamp(),"
            " clock_timestamp() - interval '20 seconds', 0, 0, $2)",
            silent,
            Traffic().durations,
        )
    try:
        found = await figures(await seats.of(desk, "ops"))
        assert "A process is silent" in found["troubles"]
        async with desk.working("ops"):
            (relay,) = [one for one in await processes() if one.host == "elsewhere"]
        assert relay.part is Part.relay and relay.silent_seconds >= 20
    finally:
        async with desk.working("ops"):
            await execute("DELETE FROM process_report WHERE id = $1", silent)


async def test_who_may_see_it(seats: Seats, desk: Desk) -> None:
    for login, status in (
        ("ops", 200),
        ("compliance", 200),
        ("admin", 200),
        ("member", 403),
        ("rm", 403),
        ("trader", 403),
    ):
        seat = await seats.of(desk, login)
        assert (await seat.get("/system")).status_code == status, login
        assert (await seat.get(REST)).status_code == status, login
        home = (await seat.get("/notifications")).text
        assert ('href="/system"' in home) is (status == 200), login


async def test_another_tenants_work_is_not_in_it(seats: Seats, desk: Desk, stranger: Desk) -> None:
    await a_dead_job(desk)
    await a_check(desk, breaking="ledger.balanced")
    found = await figures(await seats.of(stranger, "ops"))
    assert found["jobs"]["dead"] == 0
    assert found["invariants"]["broken"] == []


async def test_links_lead_where_one_may_go(seats: Seats, desk: Desk) -> None:
    for login in ("ops", "compliance", "admin"):
        seat = await seats.of(desk, login)
        page = (await seat.get("/system")).text.split('id="status"')[1]
        for address in ("/jobs", "/deadlines", "/audit"):
            shown = f'href="{address}"' in page
            assert shown is ((await seat.get(address)).status_code == 200), (login, address)
