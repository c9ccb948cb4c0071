"""A clock's page, and its REST twin: what one may propose of it, and who decides."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from app.domains.investments.operations.redemption_hold import hold_redemption
from app.kernel.database import fetch_row, fetch_value
from app.kernel.ids import new_id
from tests.investments import steps
from tests.security.seats import API, Seats
from tests.security.traces import nothing_written
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold

DECISIONS = f"{API}/approvals/{{}}/decisions"


async def clock_of(desk: Desk, redemption_id: UUID, kind: str = "payout") -> Any:
    async with desk.working("ops"):
        return await fetch_row(
            "SELECT id, due_at, state, pending_approval_id FROM deadline"
            " WHERE subject_id = $1 AND kind = $2",
            redemption_id,
            kind,
        )


async def approved(desk: Desk) -> UUID:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    return redemption_id


async def held(desk: Desk) -> UUID:
    redemption_id = await approved(desk)
    async with desk.working("compliance"):
        await hold_redemption(redemption_id=redemption_id, note="Sanctions hit")
    return redemption_id


def later(clock: Any, **time: float) -> str:
    found: datetime = clock["due_at"] + timedelta(**time)
    return found.isoformat()


class TestPage:
    async def test_shows_what_more_time_comes_to_before_it_is_proposed(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        redemption_id = await approved(desk)
        await advance(hours=19)
        clock = await clock_of(desk, redemption_id)
        page = f"/deadlines/{clock['id']}"
        ops = await seats.of(desk, "ops")
        shown = (await ops.get(page)).text
        assert "See what it comes to" in shown and 'type="datetime-local"' in shown
        typed = (clock["due_at"] + timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M")
        async with nothing_written(database, desk):
            preview = await ops.post(f"{page}/extend", {"due_at": typed, "reason": "<Venue> down"})
        assert preview.status_code == 200
        assert "Propose 12 h more" in preview.text
        # The reminder at half has gone out; the other moves along.
        assert re.findall(r"<dt>Reminder at (\d+)%", preview.text) == ["80"]
        assert "&lt;Venue&gt; down" in preview.text

        due_at = preview.text.split('name="due_at" value="')[1].split('"')[0]
        answer = await ops.post(f"{page}/extensions", {"due_at": due_at, "reason": "Venue down"})
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        waiting = (await ops.get(page)).text
        assert "Waits for a decision" in waiting and ">Approve<" not in waiting
        assert (await clock_of(desk, redemption_id))["due_at"] == clock["due_at"]

    async def test_lets_another_person_decide_and_shows_both_on_the_trail(
        self, seats: Seats, desk: Desk
    ) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        page = f"/deadlines/{clock['id']}"
        ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
        await ops.post(f"{page}/extensions", {"due_at": later(clock, hours=5), "reason": "Slow"})
        pending = str((await clock_of(desk, redemption_id))["pending_approval_id"])
        shown = (await compliance.get(page)).text
        assert "Your decision" in shown and pending in shown
        assert "a change waits for a decision" in (await ops.get("/deadlines")).text
        records = (await ops.get("/approval-records?state=pending")).text
        assert f'href="{page}"' in records and "More time, until" in records

        refusal = await compliance.post(f"{page}/reject", {"approval_id": pending, "note": ""})
        assert refusal.status_code == 422
        vote = {"approval_id": pending, "note": "Looked at it"}
        own = await ops.post(f"{page}/approve", vote)
        assert own.status_code == 403 and "own request" in own.text
        answer = await compliance.post(f"{page}/approve", vote)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        shown = (await ops.get(page)).text
        assert "Extended" in shown and "asked by Ops" in shown and "Slow" in shown
        assert "Looked at it" in shown
        assert (await clock_of(desk, redemption_id))["due_at"] == clock["due_at"] + timedelta(
            hours=5
        )
        again = await compliance.post(f"{page}/approve", vote)
        assert again.status_code == 409

    async def test_keeps_what_was_typed_beside_what_was_wrong(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        clock = await clock_of(desk, await approved(desk))
        page = f"/deadlines/{clock['id']}"
        ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
        early = clock["due_at"].strftime("%Y-%m-%dT%H:%M")
        async with nothing_written(database, desk):
            for step in ("extend", "extensions"):
                for form, words, status in [
                    ({"due_at": early, "reason": "kept"}, "Must be later than", 422),
                    ({"due_at": later(clock, days=31), "reason": "kept"}, "At most 30 days", 422),
                    ({"due_at": "", "reason": "kept"}, "Give a day and a time", 422),
                    ({"due_at": "soon", "reason": "kept"}, "Write day and time", 422),
                    ({"due_at": "9999-12-31T23:59-12:00", "reason": "kept"}, "Write day", 422),
                    ({"due_at": "0001-01-01T00:00+12:00", "reason": "kept"}, "Write day", 422),
                    ({"due_at": later(clock, hours=1), "reason": ""}, "Say why", 422),
                ]:
                    answer = await ops.post(f"{page}/{step}", form)
                    assert answer.status_code == status, (step, form)
                    assert words in answer.text and form["reason"] in answer.text, (step, form)
            answer = await compliance.post(f"{page}/pause", {"reason": "kept"})
            assert answer.status_code == 409 and "on hold" in answer.text
            answer = await compliance.post(f"{page}/resume", {"reason": "kept"})
            assert answer.status_code == 409
            answer = await compliance.post(
                f"{page}/approve", {"approval_id": str(new_id()), "note": "kept"}
            )
            assert answer.status_code == 422 and "Reload the page" in answer.text

    async def test_reads_day_and_time_in_the_tenants_zone(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        async with connected(database.owner) as owner:
            await owner.execute(
                "UPDATE tenant SET time_zone = 'Asia/Tokyo' WHERE id = $1", desk.tenant_id
            )
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        page = f"/deadlines/{clock['id']}"
        ops = await seats.of(desk, "ops")
        assert "In JST." in (await ops.get(page)).text
        wanted = clock["due_at"] + timedelta(hours=6)
        typed = wanted.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%dT%H:%M")
        await ops.post(f"{page}/extensions", {"due_at": typed, "reason": "Slow"})
        async with desk.working("ops"):
            proposed = await fetch_value("SELECT due_at FROM deadline_change")
        assert proposed == wanted

    async def test_lets_compliance_pause_what_is_on_hold(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await held(desk)
        clock = await clock_of(desk, redemption_id)
        page = f"/deadlines/{clock['id']}"
        ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
        assert "Propose a pause" in (await compliance.get(page)).text
        assert "Propose a pause" not in (await ops.get(page)).text
        for step, button, state in [
            ("pause", "Propose to run on", "paused"),
            ("resume", "Propose a pause", "running"),
        ]:
            await compliance.post(f"{page}/{step}", {"reason": "Looking into it"})
            pending = str((await clock_of(desk, redemption_id))["pending_approval_id"])
            answer = await ops.post(f"{page}/approve", {"approval_id": pending, "note": ""})
            assert answer.status_code == 303
            assert (await clock_of(desk, redemption_id))["state"] == state
            assert button in (await compliance.get(page)).text
        await assert_invariants_hold(desk.tenant_id)

    async def test_offers_nothing_to_who_may_only_look(self, seats: Seats, desk: Desk) -> None:
        clock = await clock_of(desk, await held(desk))
        for login in ("rm", "trader"):
            text = (await (await seats.of(desk, login)).get(f"/deadlines/{clock['id']}")).text
            assert "Propose" not in text and "See what it comes to" not in text, login

    async def test_twice_under_one_key_is_one_proposal(self, seats: Seats, desk: Desk) -> None:
        clock = await clock_of(desk, await approved(desk))
        page, key = f"/deadlines/{clock['id']}", new_id().hex
        ops = await seats.of(desk, "ops")
        form = {"due_at": later(clock, hours=5), "reason": "Slow"}
        answers = [await ops.post(f"{page}/extensions", form, key=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303]
        other = await ops.post(f"{page}/extensions", form)
        assert other.status_code == 409 and "one at a time" in other.text

    async def test_of_a_breach_that_was_paid_late_says_so_for_good(
        self, seats: Seats, desk: Desk, sandbox: Control
    ) -> None:
        redemption_id = await steps.request(desk)
        await advance(hours=26)  # the manager is two hours late
        await steps.decide(desk, redemption_id)
        clock = await clock_of(desk, redemption_id)
        await advance(hours=39)
        await steps.ready(desk, redemption_id)
        await drain()
        ops = await seats.of(desk, "ops")
        listed = (await ops.get("/deadlines?state=breached")).text
        assert "late by 02:0" in listed and listed.count("when decided") == 1
        assert "late by 03:0" in listed and listed.count("when paid") == 1
        for path in (f"/deadlines/{clock['id']}", f"/redemptions/{redemption_id}"):
            page = (await ops.get(path)).text
            assert "late by 03:0" in page and "when paid" in page, path
        assert "Breached, paid 3 h" in page, "among the clocks of the request"
        assert "Done, late" in (await ops.get(f"/deadlines/{clock['id']}")).text


class TestRedemptionPage:
    async def test_shows_its_clocks_to_the_desks_alone(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
        path = f"/deadlines/{clock['id']}"
        await ops.post(f"{path}/extensions", {"due_at": later(clock, hours=5), "reason": "Secret"})
        pending = str((await clock_of(desk, redemption_id))["pending_approval_id"])
        await compliance.post(f"{path}/approve", {"approval_id": pending, "note": "Also secret"})
        for login, sees in [("ops", True), ("trader", True), ("rm", True), ("member", False)]:
            text = (await (await seats.of(desk, login)).get(f"/redemptions/{redemption_id}")).text
            assert ("asked by Ops" in text) is sees, login
            assert (path in text) is sees, login
            assert "More time to pay" in text, login
            if login == "member":
                assert "ecret" not in text


class TestRest:
    async def test_proposes_decides_and_shows_the_trail(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        path = f"{API}/deadlines/{clock['id']}"
        ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
        answer = await ops.post(
            f"{path}/extensions", {"due_at": later(clock, hours=5), "reason": "Slow"}
        )
        assert answer.status_code == 201, answer.text
        made = answer.json()["data"]
        assert (made["kind"], made["state"], made["asked_by_name"]) == (
            "extension",
            "pending",
            "Ops",
        )
        decided = await compliance.post(
            DECISIONS.format(made["approval_id"]), {"decision": "approve", "note": ""}
        )
        assert decided.json()["data"]["state"] == "approved"
        found = (await ops.get(path)).json()["data"]
        assert [line["event"] for line in found["trail"]] == ["started", "extended"]
        line = found["trail"][-1]
        assert (line["asked_by"], line["actor"], line["reason"]) == ("Ops", "Compliance", "Slow")
        assert line["due_at"] == found["due_at"]
        assert found["changes"][0]["decided_by"] == "Compliance"
        assert found["pending_approval_id"] is None and found["outcome"] is None

    async def test_refuses_with_the_rule(
        self, seats: Seats, desk: Desk, database: DatabaseUrls
    ) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        met = await clock_of(desk, redemption_id, "approval")
        ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
        path, stopped = f"{API}/deadlines/{clock['id']}", f"{API}/deadlines/{met['id']}"
        good = {"due_at": later(clock, hours=5), "reason": "Slow"}
        async with nothing_written(database, desk):
            for seat, address, body, status, code in [
                (ops, f"{path}/extensions", good | {"due_at": later(clock)}, 422, "NOT_LATER"),
                (ops, f"{path}/extensions", good | {"due_at": later(clock, days=40)}, 422, "TOO_L"),
                (ops, f"{path}/extensions", good | {"reason": " "}, 422, "REQUIRED"),
                (ops, f"{path}/extensions", good | {"due_at": "2026-01-01T00:00"}, 422, "INVALID"),
                (ops, f"{path}/extensions", good | {"more": 1}, 422, "INVALID"),
                (ops, f"{stopped}/extensions", good, 409, "DEADLINE_NOT_RUNNING"),
                (compliance, f"{path}/pause", {"reason": "Why"}, 409, "NOT_ON_HOLD"),
                (compliance, f"{path}/resume", {"reason": "Why"}, 409, "DEADLINE_NOT_RUNNING"),
                (compliance, f"{path}/extensions", good, 403, "NOT_PERMITTED"),
                (ops, f"{path}/pause", {"reason": "Why"}, 403, "NOT_PERMITTED"),
                (ops, f"{API}/deadlines/{new_id()}/extensions", good, 404, "NOT_FOUND"),
            ]:
                answer = await seat.post(address, body)
                assert answer.status_code == status, (address, body, answer.text)
                assert code in answer.text, (address, body, answer.text)
        assert (await ops.post(f"{path}/extensions", good)).status_code == 201
        again = await ops.post(f"{path}/extensions", good)
        assert (again.status_code, again.json()["code"]) == (409, "CHANGE_PENDING")

    async def test_of_another_tenant_or_another_managers_client_is_not_there(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        clock = await clock_of(desk, await approved(desk))
        path = f"{API}/deadlines/{clock['id']}"
        good = {"due_at": later(clock, hours=5), "reason": "Slow"}
        for who, login in [(stranger, "ops"), (desk, "rm2"), (stranger, "compliance")]:
            assert (await (await seats.of(who, login)).get(path)).status_code == 404, login
        foreign = await (await seats.of(stranger, "ops")).post(f"{path}/extensions", good)
        assert foreign.status_code == 404
        made = await (await seats.of(desk, "ops")).post(f"{path}/extensions", good)
        decisions = DECISIONS.format(made.json()["data"]["approval_id"])
        for who, login, status in [
            (stranger, "compliance", 404),
            (desk, "ops", 403),
            (desk, "rm", 403),
            (desk, "rm2", 404),
        ]:
            answer = await (await seats.of(who, login)).post(decisions, {"decision": "approve"})
            assert answer.status_code == status, login

    async def test_twenty_approvals_at_once_have_one_effect(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await approved(desk)
        clock = await clock_of(desk, redemption_id)
        made = await (await seats.of(desk, "ops")).post(
            f"{API}/deadlines/{clock['id']}/extensions",
            {"due_at": later(clock, hours=5), "reason": "Slow"},
        )
        compliance = await seats.of(desk, "compliance")
        path = DECISIONS.format(made.json()["data"]["approval_id"])
        answers = await asyncio.gather(
            *(compliance.post(path, {"decision": "approve"}) for _ in range(20))
        )
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 19]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
            "APPROVAL_CLOSED"
        }
        after = await clock_of(desk, redemption_id)
        assert after["due_at"] == clock["due_at"] + timedelta(hours=5)
        await assert_invariants_hold(desk.tenant_id)


@pytest.mark.parametrize("step", ["approve", "reject"])
async def test_a_proposal_of_another_clock_is_not_decided_by_this_page(
    seats: Seats, desk: Desk, step: str
) -> None:
    first = await clock_of(desk, await approved(desk))
    second_id = await steps.request(desk, key="growth")
    second = await clock_of(desk, second_id, "approval")
    ops, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
    await ops.post(
        f"/deadlines/{first['id']}/extensions", {"due_at": later(first, hours=5), "reason": "Slow"}
    )
    async with desk.working("ops"):
        pending = await fetch_value("SELECT approval_id FROM deadline_change")
    answer = await compliance.post(
        f"/deadlines/{second['id']}/{step}", {"approval_id": str(pending), "note": "No"}
    )
    assert answer.status_code == 422
    async with desk.working("ops"):
        assert await fetch_value("SELECT state FROM approval WHERE id = $1", pending) == "pending"
