"""A dead letter that nobody needs is given up, with a reason; never one on which money hangs."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app import registry
from app.domains.investments.values import PayoutState, RedemptionState
from app.kernel.database import execute, fetch, fetch_row, fetch_value
from app.kernel.ids import new_id
from app.kernel.jobs.discarding import undone_by
from app.kernel.jobs.registry import known_kinds
from tests.investments import steps
from tests.operations.test_jobs import a_dead_job, state_of
from tests.security.seats import API, Seats
from tests.support.desk import Desk

REASON = {"reason": "The vault was closed for good"}
TESTS = ("test.", "consume:test")


async def records(desk: Desk) -> list[dict[str, Any]]:
    async with desk.working("ops"):
        rows = await fetch("SELECT * FROM audit_record WHERE action = 'job.discard'")
    return [dict(row) for row in rows]


async def a_dead_payout_job(desk: Desk, state: PayoutState) -> UUID:
    """Of a payout whose outcome is `state`, as far as anybody knows."""
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    await steps.ready(desk, redemption_id)
    async with desk.working("ops"):
        row = await fetch_row(
            "UPDATE job SET state = 'dead', failures = 1, last_error = 'two instructions',"
            " finished_at = now() WHERE kind = 'payout.send' RETURNING id, payload"
        )
        assert row is not None
        await execute(
            "UPDATE payout SET state = $2 WHERE id = $1",
            UUID(row["payload"]["payout_id"]),
            state.value,
        )
        return UUID(str(row["id"]))


class TestDiscarding:
    async def test_says_what_stays_undone_and_keeps_the_reason(
        self, seats: Seats, desk: Desk
    ) -> None:
        job_id = await a_dead_job(desk, kind="notifications.mail", error="<i>no such box</i>")
        ops = await seats.of(desk, "ops")
        assert f'href="/jobs/{job_id}/discard"' in (await ops.get("/jobs")).text
        page = await ops.get(f"/jobs/{job_id}/discard")
        assert "The mail is not sent" in page.text and "&lt;i&gt;no such box" in page.text
        answer = await ops.post(f"/jobs/{job_id}/discard", REASON)
        assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
        assert await state_of(desk, job_id) == "discarded"
        assert str(job_id) not in (await ops.get("/jobs")).text
        (record,) = await records(desk)
        assert record["subject_id"] == job_id and record["actor_id"] == desk.people["ops"].id
        assert record["before"] == {"state": "dead", "failures": 5}
        assert record["after"] == {
            "state": "discarded",
            "kind": "notifications.mail",
            "reason": REASON["reason"],
            "undone": undone_by("notifications.mail"),
        }

    async def test_asks_for_a_reason(self, seats: Seats, desk: Desk) -> None:
        job_id = await a_dead_job(desk)
        ops = await seats.of(desk, "ops")
        for path in (f"/jobs/{job_id}/discard", f"{API}/jobs/{job_id}/discard"):
            for reason in ("", "   ", "x" * 2001):
                answer = await ops.post(path, {"reason": reason})
                assert answer.status_code in (400, 422), (path, reason[:3])
        page = await ops.post(f"/jobs/{job_id}/discard", {"reason": " "})
        assert "Say why; it goes on record" in page.text and 'id="reason-error-1"' in page.text
        assert await state_of(desk, job_id) == "dead"
        assert await records(desk) == []

    async def test_by_twenty_at_once_is_done_once(self, seats: Seats, desk: Desk) -> None:
        job_id = await a_dead_job(desk)
        ops = await seats.of(desk, "ops")
        answers = await asyncio.gather(
            *(ops.post(f"/jobs/{job_id}/discard", REASON) for _ in range(20))
        )
        assert sorted(answer.status_code for answer in answers) == [303] + [409] * 19
        assert len(await records(desk)) == 1

    async def test_and_running_again_at_once_are_one_of_the_two(
        self, seats: Seats, desk: Desk
    ) -> None:
        job_id = await a_dead_job(desk)
        ops = await seats.of(desk, "ops")
        answers = await asyncio.gather(
            *(ops.post(f"/jobs/{job_id}/{what}", REASON) for what in ("discard", "rerun") * 3)
        )
        assert sorted(answer.status_code for answer in answers) == [303] + [409] * 5
        assert await state_of(desk, job_id) in ("pending", "discarded")

    async def test_twice_with_one_key_is_one_and_the_same(self, seats: Seats, desk: Desk) -> None:
        job_id = await a_dead_job(desk)
        ops = await seats.of(desk, "ops")
        key = new_id().hex
        for _ in range(2):
            answer = await ops.post(f"{API}/jobs/{job_id}/discard", REASON, key=key)
            assert (answer.status_code, answer.json()["data"]) == (200, [])
        assert len(await records(desk)) == 1

    async def test_is_operations_affair_and_the_tenants_own(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        job_id = await a_dead_job(desk)
        paths = (f"/jobs/{job_id}/discard", f"{API}/jobs/{job_id}/discard")
        for login in ("member", "rm", "trader", "compliance", "admin"):
            seat = await seats.of(desk, login)
            assert [(await seat.post(path, REASON)).status_code for path in paths] == [403, 403]
            assert (await seat.get(f"/jobs/{job_id}/discard")).status_code == 403
        other = await seats.of(stranger, "ops")
        assert [(await other.post(path, REASON)).status_code for path in paths] == [404, 404]
        assert (await other.get(f"/jobs/{job_id}/discard")).status_code == 404
        assert (await other.get(f"{API}/jobs/dead/{job_id}")).status_code == 404
        assert await state_of(desk, job_id) == "dead"

    async def test_never_starts_it_again(self, seats: Seats, desk: Desk) -> None:
        job_id = await a_dead_job(desk)
        ops = await seats.of(desk, "ops")
        await ops.post(f"/jobs/{job_id}/discard", REASON)
        assert (await ops.post(f"/jobs/{job_id}/rerun")).status_code == 409
        assert (await ops.get(f"/jobs/{job_id}/discard")).status_code == 404
        async with desk.working("ops"):
            due = await fetch_value(
                "SELECT count(*) FROM job WHERE id = $1 AND state = 'pending'", job_id
            )
        assert due == 0


class TestAPayout:
    @pytest.mark.parametrize("state", [PayoutState.pending, PayoutState.sent, PayoutState.unknown])
    async def test_that_may_still_be_carried_out_keeps_its_job(
        self, seats: Seats, desk: Desk, state: PayoutState
    ) -> None:
        job_id = await a_dead_payout_job(desk, state)
        ops = await seats.of(desk, "ops")
        page = await ops.get(f"/jobs/{job_id}/discard")
        assert "may still be carried out" in page.text and "R-20" in page.text
        assert "<textarea" not in page.text
        answer = await ops.post(f"/jobs/{job_id}/discard", REASON)
        assert answer.status_code == 409 and "may still be carried out" in answer.text
        answer = await ops.post(f"{API}/jobs/{job_id}/discard", REASON)
        assert (answer.status_code, answer.json()["code"]) == (409, "JOB_KEPT")
        told = (await ops.get(f"{API}/jobs/dead/{job_id}")).json()["data"]
        assert "may still be carried out" in told["kept_because"]
        assert await state_of(desk, job_id) == "dead"
        assert await records(desk) == []

    @pytest.mark.parametrize("state", [PayoutState.confirmed, PayoutState.refused])
    async def test_that_is_over_lets_it_go(
        self, seats: Seats, desk: Desk, state: PayoutState
    ) -> None:
        job_id = await a_dead_payout_job(desk, state)
        ops = await seats.of(desk, "ops")
        told = (await ops.get(f"{API}/jobs/dead/{job_id}")).json()["data"]
        assert told["kept_because"] is None
        assert told["undone"] == "Nothing: its payout is over, confirmed or refused"
        assert (await ops.post(f"/jobs/{job_id}/discard", REASON)).status_code == 303
        async with desk.working("ops"):
            state_after = await fetch_value("SELECT state FROM redemption")
        assert state_after == RedemptionState.ready, "nothing but the job was touched"


def test_every_kind_of_job_says_what_discarding_it_leaves_undone() -> None:
    registry.load()
    silent = [
        kind
        for kind in known_kinds()
        if not kind.startswith(TESTS) and undone_by(kind).startswith("This version")
    ]
    assert silent == []
