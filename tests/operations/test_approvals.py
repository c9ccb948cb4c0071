"""Requests for approval as whoever oversees them reads them."""

from __future__ import annotations

import pytest

from app.web import listing
from app.web.export import answering
from tests.investments import steps
from tests.security.seats import Seats
from tests.support.desk import Desk
from tests.support.exports import csv_rows, taken_out


async def approval_of(desk: Desk, **request: str) -> str:
    redemption_id = await steps.request(desk, **request)  # type: ignore[arg-type]
    return str((await steps.seen(desk, redemption_id)).approval_id)


async def test_it_says_who_is_waited_for_and_then_who_voted(seats: Seats, desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    ops = await seats.of(desk, "ops")
    page = (await ops.get("/approval-records")).text
    assert "Rm</span>" in page and "none yet" in page
    await steps.decide(desk, redemption_id, decision="reject", note="Not <now>")
    page = (await ops.get("/approval-records")).text
    assert "Rm rejected" in page and "Not &lt;now&gt;" in page
    assert "waits for" not in page


async def test_the_filter_is_in_the_address(seats: Seats, desk: Desk) -> None:
    approval = await approval_of(desk)
    ops = await seats.of(desk, "ops")
    for query, is_there in [("", True), ("?state=pending", True), ("?state=approved", False)]:
        assert (approval in (await ops.get(f"/approval-records{query}")).text) is is_there, query
        rows = await csv_rows(ops, "/approval-records", query.removeprefix("?"))
        assert (approval in {row["id"] for row in rows}) is is_there, query
    assert "None in this state" in (await ops.get("/approval-records?state=rejected")).text


async def test_an_empty_desk_says_what_will_appear(seats: Seats, desk: Desk) -> None:
    page = await (await seats.of(desk, "ops")).get("/approval-records")
    assert "No requests for approval yet" in page.text


async def test_pages_follow_each_other_and_the_export_has_them_all(
    seats: Seats, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    monkeypatch.setattr(answering, "BATCH_ROWS", 2)
    made = [
        await approval_of(desk, login=login, key=key)
        for login, key in [("member", "yield"), ("member", "growth"), ("member2", "yield")]
    ]
    newest_first = sorted(made, reverse=True)
    ops = await seats.of(desk, "ops")
    first = (await ops.get("/approval-records?state=pending")).text
    cursor = first.split("cursor=")[1].split('"')[0]
    second = (await ops.get(f"/approval-records?state=pending&cursor={cursor}")).text
    assert [id_ for id_ in newest_first if f"row-{id_}" in first] == newest_first[:2]
    assert [id_ for id_ in newest_first if f"row-{id_}" in second] == newest_first[2:]
    rows = await csv_rows(ops, "/approval-records", "state=pending")
    assert [row["id"] for row in rows] == newest_first


async def test_a_manager_finds_what_names_them_and_others_nothing(
    seats: Seats, desk: Desk, stranger: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 1)
    mine = await approval_of(desk)
    others = await approval_of(desk, login="member2")
    for who, login, seen in [
        (desk, "rm", {mine}),
        (desk, "rm2", {others}),
        (desk, "compliance", {mine, others}),
        (stranger, "ops", set()),
    ]:
        seat = await seats.of(who, login)
        rows = await csv_rows(seat, "/approval-records")
        assert {row["id"] for row in rows} == seen, login
    # A page of one is full although what came later is another's.
    assert f"row-{mine}" in (await (await seats.of(desk, "rm")).get("/approval-records")).text


async def test_who_may_not_read_them_is_refused(seats: Seats, desk: Desk) -> None:
    for login in ("member", "trader", "admin"):
        seat = await seats.of(desk, login)
        assert (await seat.get("/approval-records")).status_code == 403, login
        assert (await taken_out(seat, "/approval-records")).status_code == 403, login
        assert 'href="/approval-records"' not in (await seat.get("/notifications")).text
