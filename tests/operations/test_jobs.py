"""Jobs as the operations desk reads them, and runs the dead ones again."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.kernel.database import execute, fetch, fetch_value
from app.kernel.ids import new_id
from app.web import listing
from app.web.export import answering
from tests.security.seats import Seats
from tests.support.desk import Desk
from tests.support.exports import csv_rows, taken_out


async def a_dead_job(
    desk: Desk,
    *,
    kind: str = "test.broken",
    error: str = "broken",
    payload: dict[str, Any] | None = None,
) -> UUID:
    job_id = new_id()
    async with desk.working("ops"):
        await execute(
            "INSERT INTO job (tenant_id, id, kind, payload, state, due_at, attempt, failures,"
            " last_error, request_id, trace, created_at, finished_at) VALUES"
            " ($1, $2, $3, $5, 'dead', now(), 1, 5, $4, '', '', now(), now())",
            desk.tenant_id,
            job_id,
            kind,
            error,
            payload or {},
        )
    return job_id


async def state_of(desk: Desk, job_id: UUID) -> str:
    async with desk.working("ops"):
        found: str = await fetch_value("SELECT state FROM job WHERE id = $1", job_id)
    return found


async def reruns(desk: Desk) -> int:
    async with desk.working("ops"):
        return len(await fetch("SELECT 1 FROM audit_record WHERE action = 'job.rerun'"))


async def test_dead_letters_stand_with_their_error_and_are_run_again(
    seats: Seats, desk: Desk
) -> None:
    job_id = await a_dead_job(desk, error="<b>the vault is closed</b>")
    ops = await seats.of(desk, "ops")
    page = await ops.get("/jobs")
    assert "&lt;b&gt;the vault is closed" in page.text
    assert f"/jobs/{job_id}/rerun" in page.text
    answer = await ops.post(f"/jobs/{job_id}/rerun", {"kind": "test.broken"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?kind=test.broken")
    assert await state_of(desk, job_id) == "pending"
    assert f"job-{job_id}" not in (await ops.get("/jobs")).text


async def test_what_it_was_ordered_with_is_counted_in_the_list_and_told_whole(
    seats: Seats, desk: Desk
) -> None:
    context = {"title": "Redemption paid", "figures": [["Net", "1.00 USDT"]]}
    job_id = await a_dead_job(desk, payload={"template": "notification", "context": context})
    ops = await seats.of(desk, "ops")
    listed = (await ops.get("/jobs")).text
    assert "context (2 fields)" in listed and "Redemption paid" not in listed
    assert 'template <span class="text-break">notification</span>' in listed
    whole = (await ops.get(f"/jobs/{job_id}/discard")).text
    assert "<small>title</small>" in whole and "Redemption paid</dd>" in whole
    assert '[["Net", "1.00 USDT"]]</dd>' in whole


async def test_what_is_not_dead_any_more_is_refused_with_the_list(seats: Seats, desk: Desk) -> None:
    job_id = await a_dead_job(desk)
    ops = await seats.of(desk, "ops")
    assert (await ops.post(f"/jobs/{job_id}/rerun")).status_code == 303
    again = await ops.post(f"/jobs/{job_id}/rerun")
    assert again.status_code == 409
    assert "This could not be done" in again.text and "No dead letters" in again.text
    assert await reruns(desk) == 1


async def test_twenty_at_once_run_it_again_once(seats: Seats, desk: Desk) -> None:
    job_id = await a_dead_job(desk)
    ops = await seats.of(desk, "ops")
    answers = await asyncio.gather(*(ops.post(f"/jobs/{job_id}/rerun") for _ in range(20)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [303] + [409] * 19
    assert await reruns(desk) == 1


async def test_a_double_click_is_one_and_the_same(seats: Seats, desk: Desk) -> None:
    job_id = await a_dead_job(desk)
    ops = await seats.of(desk, "ops")
    key = new_id().hex
    for _ in range(2):
        assert (await ops.post(f"/jobs/{job_id}/rerun", key=key)).status_code == 303
    assert await reruns(desk) == 1


async def test_nobody_else_reads_or_runs_them(seats: Seats, desk: Desk, stranger: Desk) -> None:
    job_id = await a_dead_job(desk)
    for login in ("member", "rm", "trader", "compliance", "admin"):
        seat = await seats.of(desk, login)
        assert (await seat.get("/jobs")).status_code == 403, login
        assert (await taken_out(seat, "/jobs")).status_code == 403, login
        assert (await seat.post(f"/jobs/{job_id}/rerun")).status_code == 403, login
        assert 'href="/jobs"' not in (await seat.get("/notifications")).text
    other = await seats.of(stranger, "ops")
    assert (await other.post(f"/jobs/{job_id}/rerun")).status_code == 404
    assert str(job_id) not in (await other.get("/jobs")).text
    assert await csv_rows(other, "/jobs") == []
    assert await state_of(desk, job_id) == "dead"


async def test_kinds_are_counted_by_state(seats: Seats, desk: Desk) -> None:
    for _ in range(2):
        await a_dead_job(desk, kind="test.counted")
    page = (await (await seats.of(desk, "ops")).get("/jobs")).text
    row = page.split('id="kind-test.counted"')[1].split("</tr>")[0]
    assert 'data-label="Dead"><div class="amount-negative">2<' in row
    assert 'data-label="Waiting"><div>—<' in row


async def test_the_filter_pages_and_is_exported(
    seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    monkeypatch.setattr(answering, "BATCH_ROWS", 2)
    wanted = [str(await a_dead_job(desk, kind="test.a", error="=1+1")) for _ in range(3)]
    other = str(await a_dead_job(desk, kind="test.b"))
    async with desk.working("ops"):  # all at once: the id decides
        await execute("UPDATE job SET finished_at = now() WHERE state = 'dead'")
    ops = await seats.of(desk, "ops")
    first = (await ops.get("/jobs?kind=test.a")).text
    cursor = first.split("cursor=")[1].split('"')[0]
    second = (await ops.get(f"/jobs?kind=test.a&cursor={cursor}")).text
    newest_first = sorted(wanted, reverse=True)
    assert [id_ for id_ in newest_first if f"job-{id_}" in first] == newest_first[:2]
    assert [id_ for id_ in newest_first if f"job-{id_}" in second] == newest_first[2:]
    assert "cursor=" not in second and f"job-{other}" not in first + second
    rows = await csv_rows(ops, "/jobs", "kind=test.a")
    assert [row["id"] for row in rows] == newest_first
    assert {row["last_error"] for row in rows} == {"'=1+1"}
    assert "None of this kind" in (await ops.get("/jobs?kind=test.none")).text
