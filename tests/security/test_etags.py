"""Every GET of the REST interface has an ETag, and a write may be held to the one that was read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domains.investments.values import RedemptionState as State
from app.kernel.ids import new_id
from app.web.openapi import document
from tests.investments import steps
from tests.security.seats import API, Seat, Seats
from tests.security.stages import redemption_at
from tests.security.traces import nothing_written
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.drain import advance

REDEMPTIONS = f"{API}/investments/redemptions"


async def get(seat: Seat, path: str, *tags: str) -> httpx.Response:
    headers = {"If-None-Match": ", ".join(tags)} if tags else {}
    return await seat.rest.get(path, headers=headers)


async def step(
    seat: Seat, redemption_id: UUID, name: str, if_match: str, key: str = "", **body: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key or new_id().hex, "If-Match": if_match}
    return await seat.rest.post(f"{REDEMPTIONS}/{redemption_id}/{name}", json=body, headers=headers)


# They count what each request adds, and what has passed since.
_NEVER_THE_SAME = ("/verify", "/system")


class TestReading:
    async def test_every_list_has_a_tag_and_is_not_sent_twice(
        self, seats: Seats, desk: Desk
    ) -> None:
        await steps.request(desk)
        paths = [path for path, found in document()["paths"].items() if "get" in found]
        asked = set()
        for login in ("member", "ops", "compliance", "admin"):
            seat = await seats.of(desk, login)
            for path in paths:
                if "{" in path or path.endswith(_NEVER_THE_SAME):
                    continue  # single ones below
                first = await get(seat, path)
                if first.status_code == 403:
                    continue
                again = await get(seat, path, '"another"', first.headers["etag"])
                assert (again.status_code, again.content) == (304, b""), path
                assert again.headers["etag"] == first.headers["etag"]
                asked.add(path)
        assert asked == {
            path for path in paths if "{" not in path and not path.endswith(_NEVER_THE_SAME)
        }

    async def test_a_redemption_keeps_its_tag_while_its_clock_runs_and_has_another_after_a_step(
        self, seats: Seats, desk: Desk
    ) -> None:
        path = f"{REDEMPTIONS}/{await steps.request(desk)}"
        manager = await seats.of(desk, "rm")
        first = await get(manager, path)
        await advance(hours=1)
        again = await get(manager, path)
        assert again.json()["data"]["deadlines"] != first.json()["data"]["deadlines"]
        assert again.headers["etag"] == first.headers["etag"]
        assert (await get(manager, path, first.headers["etag"])).status_code == 304
        assert (await get(manager, path, f"W/{first.headers['etag']}")).status_code == 304
        assert (await get(manager, path, "*")).status_code == 304
        await steps.decide(desk, UUID(path.rpartition("/")[2]))
        moved = await get(manager, path, first.headers["etag"])
        assert moved.status_code == 200
        assert moved.headers["etag"] != first.headers["etag"]

    async def test_two_people_who_see_different_things_have_different_tags(
        self, seats: Seats, desk: Desk
    ) -> None:
        path = f"{API}/investments/subscriptions"
        own = await get(await seats.of(desk, "member"), path)
        other = await get(await seats.of(desk, "member2"), path, own.headers["etag"])
        assert other.status_code == 200


class TestWriting:
    async def test_the_tag_that_was_read_lets_it_through_and_the_answer_has_the_next(
        self, seats: Seats, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        manager, trader = await seats.of(desk, "rm"), await seats.of(desk, "trader")
        read = await get(manager, f"{REDEMPTIONS}/{redemption_id}")
        approved = await step(manager, redemption_id, "approve", read.headers["etag"], note="")
        assert approved.status_code == 200
        assert approved.headers["etag"] != read.headers["etag"]
        body = {"source_account_id": str(desk.staging["yield"])}
        ready = await step(trader, redemption_id, "ready", approved.headers["etag"], **body)
        assert ready.status_code == 200

    async def test_repeated_under_its_key_it_answers_with_the_same_tag(
        self, seats: Seats, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        manager = await seats.of(desk, "rm")
        tag = (await get(manager, f"{REDEMPTIONS}/{redemption_id}")).headers["etag"]
        first = await step(manager, redemption_id, "approve", tag, key="same", note="")
        again = await step(manager, redemption_id, "approve", tag, key="same", note="")
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["etag"] == first.headers["etag"]

    @pytest.mark.parametrize(
        ("login", "name", "state", "body"),
        [
            ("rm", "approve", State.pending_approval, {"note": ""}),
            ("rm", "reject", State.pending_approval, {"note": "No"}),
            ("member", "cancel", State.pending_approval, {}),
            ("member", "accept", State.awaiting_client, {}),
            ("compliance", "clear", State.pending_compliance, {"note": ""}),
            ("compliance", "decline", State.pending_compliance, {"note": "No"}),
            ("compliance", "hold", State.approved, {"note": "Wait"}),
            ("compliance", "resume", State.on_hold, {"note": "Go on"}),
            ("compliance", "cancel-held", State.on_hold, {"note": "No"}),
            (
                "ops",
                "reassign",
                State.pending_approval,
                {"to_membership_id": "rm2", "note": "Away"},
            ),
            ("trader", "ready", State.approved, {"source_account_id": "yield"}),
            ("trader", "retry-payout", State.payout_failed, {}),
        ],
    )
    async def test_an_older_tag_is_refused_and_nothing_is_written(
        self,
        seats: Seats,
        desk: Desk,
        sandbox: Control,
        database: DatabaseUrls,
        login: str,
        name: str,
        state: State,
        body: dict[str, str],
    ) -> None:
        redemption_id = await redemption_at(state, desk=desk, sandbox=sandbox)
        body = dict(body)
        if "source_account_id" in body:
            body["source_account_id"] = str(desk.staging["yield"])
        if "to_membership_id" in body:
            body["to_membership_id"] = str(desk.people["rm2"].id)
        seat = await seats.of(desk, login)
        now = (await get(seat, f"{REDEMPTIONS}/{redemption_id}")).headers["etag"]
        version = int(now.strip('"').partition("-")[0])
        older = now.replace(f'"{version}-', f'"{version - 1}-')
        async with nothing_written(database, desk):
            for tag in (older, '"another"', "nonsense", ""):
                refused = await step(seat, redemption_id, name, tag, **body)
                assert refused.status_code == 412, tag
                assert refused.json()["code"] == "PRECONDITION_FAILED"
        allowed = await step(seat, redemption_id, name, f"W/{now}", **body)
        assert allowed.status_code == 200, allowed.text

    async def test_any_tag_will_do_where_a_star_is_sent(self, seats: Seats, desk: Desk) -> None:
        redemption_id = await steps.request(desk)
        answer = await step(await seats.of(desk, "rm"), redemption_id, "approve", "*", note="")
        assert answer.status_code == 200

    async def test_what_moved_on_meanwhile_says_so_rather_than_where_it_is(
        self, seats: Seats, desk: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        manager = await seats.of(desk, "rm")
        tag = (await get(manager, f"{REDEMPTIONS}/{redemption_id}")).headers["etag"]
        await steps.decide(desk, redemption_id)
        assert (await step(manager, redemption_id, "approve", tag, note="")).status_code == 412

    async def test_somebody_elses_is_not_there_whatever_the_tag(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        redemption_id = await steps.request(desk)
        tag = (await get(await seats.of(desk, "rm"), f"{REDEMPTIONS}/{redemption_id}")).headers
        for who, login in ((desk, "rm2"), (stranger, "rm")):
            for if_match in (tag["etag"], '"1-00"'):
                answer = await step(
                    await seats.of(who, login), redemption_id, "approve", if_match, note=""
                )
                assert answer.status_code == 404
