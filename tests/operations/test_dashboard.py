"""What the operations desk sees first."""

from __future__ import annotations

import re

from app.kernel.database import execute
from tests.investments import steps
from tests.operations.test_deadlines import clock_of
from tests.operations.test_jobs import a_dead_job
from tests.security.seats import Seats
from tests.support.desk import Desk


def figures(page: str) -> dict[str, str]:
    """What the cards say, by their label."""
    return {
        label: value.strip()
        for label, value in re.findall(
            r'figure-label">([^<]+)</p>\s*<div class="figure-value[^"]*">([^<]+)<', page
        )
    }


def counts(page: str) -> dict[str, str]:
    return dict(re.findall(r'id="state-(\w+)".*?data-label="Requests"><div>([^<]+)<', page, re.S))


async def read_exactly(desk: Desk) -> None:
    """As though the custodian had just said what the ledger expects, but for one account."""
    async with desk.working("ops"):
        await execute(
            "UPDATE custody_account a SET read_at = clock_timestamp(), balance = (SELECT"
            " coalesce(sum(amount), 0) FROM ledger_posting p WHERE p.account_id = ANY("
            "  ARRAY[a.available_account_id, a.reserved_account_id, a.unallocated_account_id]))"
        )
        await execute(
            "UPDATE custody_account SET balance = balance - 12.34 WHERE id = $1",
            desk.staging["yield"],
        )


async def test_it_is_where_operations_begin(seats: Seats, desk: Desk) -> None:
    ops = await seats.of(desk, "ops")
    assert (await ops.get("/")).headers["location"] == "/operations"
    assert (await ops.get("/operations")).status_code == 200


async def test_its_numbers_are_those_of_the_tenant(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    waiting = await steps.request(desk)
    await steps.decide(desk, await steps.request(desk, key="growth"))
    late = await steps.request(desk, login="member2")
    await a_dead_job(desk)
    await a_dead_job(stranger)
    await read_exactly(desk)
    async with desk.working("ops"):
        # As though four fifths of its time had passed.
        await execute(
            "UPDATE deadline SET total_seconds = 10 * extract(epoch FROM due_at - app_now())"
            " WHERE id = $1",
            await clock_of(desk, waiting),
        )
        await execute(
            "UPDATE deadline SET state = 'breached', marks_left = '{}', next_mark_at = NULL"
            " WHERE id = $1",
            await clock_of(desk, late),
        )
    page = (await (await seats.of(desk, "ops")).get("/operations")).text
    assert figures(page)["Deadlines breached"] == "1"
    assert "1 at risk of 2 running" in page
    assert figures(page)["Dead letters"] == "1"
    assert figures(page)["Custody differences"] == "1"
    assert "12.34" in page
    assert counts(page)["pending_approval"] == "2"
    assert counts(page)["approved"] == "1"
    assert counts(page)["completed"] == "—"


async def test_an_account_that_was_never_read_is_no_difference_yet(
    seats: Seats, desk: Desk
) -> None:
    page = (await (await seats.of(desk, "ops")).get("/operations")).text
    assert figures(page)["Custody differences"] == "0"
    assert "3 of 3 readings stale or missing" in page and "never" in page


async def test_a_breach_that_was_met_late_needs_no_hand(seats: Seats, desk: Desk) -> None:
    clock = await clock_of(desk, await steps.request(desk))
    async with desk.working("ops"):
        await execute(
            "UPDATE deadline SET state = 'breached', marks_left = '{}', next_mark_at = NULL,"
            " stopped_at = app_now() WHERE id = $1",
            clock,
        )
    ops = await seats.of(desk, "ops")
    page = (await ops.get("/operations")).text
    assert figures(page)["Deadlines breached"] == "0"
    assert "No clock is running" in page
    assert str(clock) not in (await ops.get("/deadlines")).text
    assert str(clock) in (await ops.get("/deadlines?state=breached")).text, "it stays on record"


async def test_each_region_can_be_asked_for_alone(seats: Seats, desk: Desk) -> None:
    ops = await seats.of(desk, "ops")
    for block in ("glance", "letters", "redemptions", "custody"):
        answer = await ops.browser.get("/operations", headers={"X-Block": block})
        assert answer.status_code == 200, block
        assert f'data-live-block="{block}"' in answer.text and "<html" not in answer.text


async def test_it_is_nobody_elses(seats: Seats, desk: Desk) -> None:
    for login in ("member", "rm", "trader", "compliance", "admin"):
        seat = await seats.of(desk, login)
        assert (await seat.get("/operations")).status_code == 403, login
        assert 'href="/operations"' not in (await seat.get("/notifications")).text
