"""Search finds what its reader may see, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from app.kernel.database import fetch_value
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import Seats, open_seats
from tests.support.desk import Desk

ROW = re.compile(r'data-row="([^"]+)"')


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def _found(seats: Seats, desk: Desk, login: str, text: str) -> set[str]:
    answer = await (await seats.of(desk, login)).browser.get("/search", params={"q": text})
    assert answer.status_code == 200, (login, text)
    return set(ROW.findall(answer.text))


async def test_a_request_is_found_by_its_reference_by_those_who_see_it(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    redemption_id = await steps.request(desk)
    reference = (await steps.seen(desk, redemption_id)).reference
    for login in ("member", "rm", "ops", "compliance"):
        for text in (reference, f" {reference.lower()} ", reference[2:]):
            assert str(redemption_id) in await _found(seats, desk, login, text), (login, text)
    for login in ("member2", "rm2", "trader"):
        assert await _found(seats, desk, login, reference) == set(), login
    assert str(redemption_id) not in await _found(seats, stranger, "ops", reference)
    await steps.decide(desk, redemption_id)
    assert await _found(seats, desk, "trader", reference) == {str(redemption_id)}


async def test_a_client_is_found_by_name_within_scope(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    ours = {str(client) for client in desk.clients.values()}
    first = {str(desk.clients["member"])}
    assert await _found(seats, desk, "ops", "MEMBER") == ours
    assert await _found(seats, desk, "compliance", "ember2") == ours - first
    assert await _found(seats, desk, "rm", "member") == first
    assert await _found(seats, desk, "rm2", "member") == ours - first
    assert await _found(seats, desk, "member", "member") == first
    assert await _found(seats, desk, "trader", "member") == set()
    assert await _found(seats, stranger, "ops", "member") & ours == set()


async def test_a_client_leads_to_their_redemptions(seats: Seats, desk: Desk) -> None:
    first, second = await steps.request(desk), await steps.request(desk, login="member2")
    seat = await seats.of(desk, "ops")
    page = await seat.get(f"/redemptions?client={desk.clients['member']}")
    assert str(first) in page.text
    assert str(second) not in page.text
    hidden = await (await seats.of(desk, "rm2")).get(
        f"/redemptions?client={desk.clients['member']}"
    )
    assert "None of this client" in hidden.text


async def test_a_ledger_entry_is_found_by_its_id_by_those_who_may_open_it(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    redemption_id = await steps.request(desk)
    async with desk.working("ops"):
        entry = await fetch_value(
            "SELECT id FROM ledger_entry WHERE subject_id = $1 LIMIT 1", redemption_id
        )
    for who, login, finds in [
        (desk, "ops", True),
        (desk, "member", True),
        (desk, "member2", False),
        (desk, "rm", False),
        (stranger, "ops", False),
    ]:
        answer = await (await seats.of(who, login)).get(f"/search?q={entry}")
        assert (f"/ledger/entries/{entry}" in answer.text) is finds, (who.slug, login)
        assert ("Nothing found" in answer.text) is not finds


async def test_the_field_is_in_the_bar_of_whom_it_serves(seats: Seats, desk: Desk) -> None:
    for login, serves in {"member": True, "trader": True, "admin": False}.items():
        seat = await seats.of(desk, login)
        page = await seat.get("/notifications")
        assert ("data-search" in page.text) is serves, login
        assert (await seat.get("/search")).status_code == (200 if serves else 403)
    empty = await (await seats.of(desk, "ops")).get("/search?q=++")
    assert "What are you looking for?" in empty.text
    odd = await (await seats.of(desk, "ops")).get("/search?q=%25_%27%22%3Cb%3E")
    assert "Nothing found" in odd.text
    assert "<b>" not in odd.text
