"""The clocks as the operations desk reads them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_quote import Portion
from app.kernel.database import execute, fetch_value
from app.kernel.deadlines import propose_extension
from app.web import listing
from app.web.export import answering
from tests.investments import steps
from tests.security.seats import API, Seats
from tests.support.desk import Desk
from tests.support.exports import about_excel, csv_rows, rows_of_csv, taken_out


async def clock_of(desk: Desk, redemption_id: UUID) -> UUID:
    async with desk.working("ops"):
        found: UUID = await fetch_value(
            "SELECT id FROM deadline WHERE subject_id = $1 ORDER BY id LIMIT 1", redemption_id
        )
    return found


async def test_it_lists_what_runs_with_its_subject_and_trail(seats: Seats, desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    clock = await clock_of(desk, redemption_id)
    ops = await seats.of(desk, "ops")
    page = await ops.get("/deadlines")
    assert f"/redemptions/{redemption_id}" in page.text
    assert f"timer-{clock}" in page.text
    one = await ops.get(f"/deadlines/{clock}")
    assert one.status_code == 200
    assert "Started" in one.text and "Member" in one.text


async def test_the_filter_is_in_the_address(seats: Seats, desk: Desk) -> None:
    clock = await clock_of(desk, await steps.request(desk))
    ops = await seats.of(desk, "ops")
    for query, is_there in [
        ("", True),
        ("?state=running", True),
        ("?state=breached", False),
        ("?state=met", False),
    ]:
        found = await ops.get(f"/deadlines{query}")
        assert (str(clock) in found.text) is is_there, query
        rows = await csv_rows(ops, "/deadlines", query.removeprefix("?"))
        assert (str(clock) in {row["id"] for row in rows}) is is_there, query
    assert "None in this state" in (await ops.get("/deadlines?state=met")).text


async def test_clocks_of_which_a_change_is_proposed_are_found(seats: Seats, desk: Desk) -> None:
    plain = await clock_of(desk, await steps.request(desk, portion=Portion(units="1")))
    proposed = await clock_of(desk, await steps.request(desk, portion=Portion(units="2")))
    ops = await seats.of(desk, "ops")
    assert "No change waits for a decision" in (await ops.get("/deadlines?change=waiting")).text
    async with desk.working("ops"):
        due = await fetch_value("SELECT due_at FROM deadline WHERE id = $1", proposed)
        await propose_extension(
            deadline_id=proposed, due_at=due + timedelta(hours=2), reason="Slow"
        )
    page = (await ops.get("/deadlines?change=waiting")).text
    assert f"row-{proposed}" in page and f"row-{plain}" not in page
    rows = await csv_rows(ops, "/deadlines", "change=waiting")
    assert [(row["id"], row["change"]) for row in rows] == [(str(proposed), "waiting")]
    assert {row["change"] for row in await csv_rows(ops, "/deadlines")} == {"", "waiting"}
    rest = (await ops.get(f"{API}/deadlines?change_proposed=true")).json()["data"]
    assert [row["id"] for row in rest] == [str(proposed)]
    # Within what each sees: the request is of a client of somebody else's.
    other = await seats.of(desk, "rm2")
    assert f"row-{proposed}" not in (await other.get("/deadlines?change=waiting")).text
    assert (await ops.get("/deadlines?change=yes")).status_code == 422


async def test_an_empty_desk_says_what_will_appear(seats: Seats, desk: Desk) -> None:
    assert "No clock is running" in (await (await seats.of(desk, "ops")).get("/deadlines")).text


async def test_pages_follow_each_other_without_gap_or_repeat(
    seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 1)
    monkeypatch.setattr(answering, "BATCH_ROWS", 1)
    wanted = [
        str(await clock_of(desk, await steps.request(desk, login=login, key=key)))
        for login, key in [("member", "yield"), ("member", "growth"), ("member2", "yield")]
    ]
    async with desk.working("ops"):  # all due at once: the id decides
        await execute("UPDATE deadline SET due_at = (SELECT max(due_at) FROM deadline)")
    ops = await seats.of(desk, "ops")
    seen, path = [], "/deadlines?state=running"
    while path:
        page = (await ops.get(path)).text
        seen += [clock for clock in wanted if f"row-{clock}" in page]
        path = ""
        if "cursor=" in page:
            path = "/deadlines?state=running&cursor=" + page.split("cursor=")[1].split('"')[0]
    assert seen == sorted(wanted)
    answer = await taken_out(ops, "/deadlines", "state=running")
    assert [row["id"] for row in rows_of_csv(answer.content)] == sorted(wanted)
    assert 'filename="deadlines-running.csv"' in answer.headers["content-disposition"]
    # Without a filter what has stopped is left out all the same: the file says so.
    about = about_excel((await taken_out(ops, "/deadlines", kind="xlsx")).content)
    assert about["Filter: state"] == "not stopped"


async def test_a_manager_sees_and_exports_their_own_clients_alone(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    clock = str(await clock_of(desk, await steps.request(desk)))
    for who, login, is_there in [
        (desk, "rm", True),
        (desk, "compliance", True),
        (desk, "rm2", False),
        (desk, "trader", False),  # not approved yet
        (stranger, "ops", False),
    ]:
        seat = await seats.of(who, login)
        assert (clock in (await seat.get("/deadlines")).text) is is_there, login
        rows = await csv_rows(seat, "/deadlines")
        assert (clock in {row["id"] for row in rows}) is is_there, login


async def test_members_and_administrators_have_no_business_here(seats: Seats, desk: Desk) -> None:
    for login in ("member", "admin"):
        seat = await seats.of(desk, login)
        assert (await seat.get("/deadlines")).status_code == 403, login
        assert (await taken_out(seat, "/deadlines")).status_code == 403, login
        assert 'href="/deadlines"' not in (await seat.get("/notifications")).text
