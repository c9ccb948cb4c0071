"""The same thing many times at once, over HTTP: one effect, and everybody is told the truth."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domains.investments.operations.redemption_quote import Portion
from app.kernel.audit.sealer import seal_due
from app.kernel.audit.verification import verify_audit
from app.kernel.database import fetch_value
from app.kernel.ids import new_id
from tests.investments import steps
from tests.security.seats import API, Seat, Seats
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.drain import drain
from tests.support.horizon import everything_settled
from tests.support.invariants import assert_invariants_hold

REST = f"{API}/investments/redemptions"


@pytest.fixture(autouse=True)
async def clean_at_the_end(desk: Desk, database: DatabaseUrls) -> AsyncIterator[None]:
    """Every race ends with every invariant, and the audit's chain, verified."""
    yield
    await assert_invariants_hold(desk.tenant_id)
    await everything_settled()
    await seal_due()
    report = await verify_audit(tenant_id=desk.tenant_id)
    assert report.ok, report.first_break
    assert report.records > 0


async def counted(desk: Desk, sql: str) -> int:
    async with desk.working("ops"):
        found: int = await fetch_value(sql)
    return found


async def at_once(
    seat: Seat, path: str, body: dict[str, Any] | None, *, count: int, key: str | None = None
) -> list[httpx.Response]:
    return await asyncio.gather(
        *(seat.post(path, body, key=key or new_id().hex) for _ in range(count))
    )


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def request_body(desk: Desk) -> dict[str, Any]:
    return {
        "subscription_id": str(desk.subscriptions["member", "yield"]),
        "destination_id": str(desk.destinations["member", "yield"]),
    }


async def test_fifty_redemptions_of_the_same_units_are_one(seats: Seats, desk: Desk) -> None:
    member = await seats.of(desk, "member")
    answers = await at_once(member, REST, request_body(desk), count=50)
    assert statuses(answers) == {201: 1, 409: 49}
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused == {"NOTHING_TO_REDEEM"}
    assert await counted(desk, "SELECT count(*) FROM redemption") == 1


async def test_a_key_sent_twenty_times_at_once_is_one_redemption_and_one_answer(
    seats: Seats, desk: Desk
) -> None:
    member = await seats.of(desk, "member")
    body = request_body(desk) | {"units": "100"}
    answers = await at_once(member, REST, body, count=20, key="one and the same")
    assert statuses(answers) == {201: 20}
    assert len({answer.content for answer in answers}) == 1
    assert await counted(desk, "SELECT count(*) FROM redemption") == 1
    other = await member.post(REST, body | {"units": "200"}, key="one and the same")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await counted(desk, "SELECT count(*) FROM redemption") == 1


async def test_a_double_click_on_a_form_is_one_redemption(seats: Seats, desk: Desk) -> None:
    member = await seats.of(desk, "member")
    body = {"subscription_id": request_body(desk)["subscription_id"], "units": "7"}
    quote_id = (await member.post(f"{REST}/quote", body)).json()["data"]["quote_id"]
    form = request_body(desk) | {"by": "units", "units": "7", "quote_id": quote_id}
    answers = await at_once(member, "/redemptions", form, count=5, key="hidden field")
    assert statuses(answers) == {303: 5}
    assert len({answer.headers["location"] for answer in answers}) == 1
    other = await member.post("/redemptions", form | {"units": "8"}, key="hidden field")
    assert other.status_code == 422 and "This form was sent before" in other.text
    assert await counted(desk, "SELECT count(*) FROM redemption") == 1


@pytest.mark.parametrize("page", [True, False])
async def test_twenty_approvals_have_one_effect(seats: Seats, desk: Desk, page: bool) -> None:
    redemption_id = await steps.request(desk)
    path = f"/redemptions/{redemption_id}" if page else f"{REST}/{redemption_id}"
    answers = await at_once(
        await seats.of(desk, "rm"), f"{path}/approve", {"note": "yes"}, count=20
    )
    assert statuses(answers) == {303 if page else 200: 1, 409: 19}
    assert await counted(desk, "SELECT count(*) FROM approval_decision") == 1
    assert await entries_of(desk, redemption_id) == 2  # locked, struck


async def test_approvals_at_every_door_at_once_have_one_effect(seats: Seats, desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    approval_id = (await steps.seen(desk, redemption_id)).approval_id
    manager = await seats.of(desk, "rm")
    answers = await asyncio.gather(
        *(manager.post(f"/redemptions/{redemption_id}/approve", {"note": ""}) for _ in range(5)),
        *(manager.post(f"{REST}/{redemption_id}/approve", {"note": ""}) for _ in range(5)),
        *(manager.post(f"{REST}/{redemption_id}/reject", {"note": "no"}) for _ in range(5)),
        *(
            manager.post(f"{API}/approvals/{approval_id}/decisions", {"decision": "approve"})
            for _ in range(5)
        ),
    )
    found = statuses(answers)
    assert found[409] == 19 and found[200] + found[303] == 1, found
    assert await counted(desk, "SELECT count(*) FROM approval_decision") == 1


async def test_approve_against_cancel_one_of_them_wins(seats: Seats, desk: Desk) -> None:
    # Two rounds a client: with a third request within a day, approving would not be the end of it.
    for client, approver in (("member", "rm"), ("member2", "rm2")) * 2:
        manager, member = await seats.of(desk, approver), await seats.of(desk, client)
        redemption_id = await steps.request(desk, login=client, portion=Portion(units="100"))
        answers = await asyncio.gather(
            *(manager.post(f"{REST}/{redemption_id}/approve", {"note": ""}) for _ in range(3)),
            *(member.post(f"{REST}/{redemption_id}/cancel") for _ in range(3)),
        )
        assert statuses(list(answers)) == {200: 1, 409: 5}
        state = (await steps.seen(desk, redemption_id)).state
        won = next(answer for answer in answers if answer.status_code == 200)
        assert won.json()["data"]["state"] == state
        assert state in ("approved", "cancelled")


async def test_ready_twenty_times_orders_one_payout(seats: Seats, desk: Desk, sandbox: Any) -> None:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    traders = [await seats.of(desk, login) for login in ("trader", "trader2")]
    body = {"source_account_id": str(desk.staging["yield"])}
    path = f"{REST}/{redemption_id}/ready"
    both = await asyncio.gather(*(at_once(trader, path, body, count=10) for trader in traders))
    assert statuses([*both[0], *both[1]]) == {200: 1, 409: 19}
    assert await counted(desk, "SELECT count(*) FROM payout") == 1
    await drain()
    assert (await steps.seen(desk, redemption_id)).state == "completed"
    assert len(sandbox.withdrawals()) == 1


async def entries_of(desk: Desk, redemption_id: UUID) -> int:
    async with desk.working("ops"):
        found: int = await fetch_value(
            "SELECT count(*) FROM ledger_entry WHERE subject_id = $1", redemption_id
        )
    return found
