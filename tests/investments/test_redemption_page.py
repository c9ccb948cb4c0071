"""What a redemption's own page says of it, and whom of its client it leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import Seats, open_seats
from tests.support.desk import Desk


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def _page(seats: Seats, desk: Desk, login: str, path: str) -> str:
    answer = await (await seats.of(desk, login)).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def _client_of(desk: Desk, redemption_id: UUID) -> str:
    return str((await steps.seen(desk, redemption_id)).client_id)


async def test_it_says_of_units_and_money_what_became_of_them(seats: Seats, desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    asked = await _page(seats, desk, "member", f"/redemptions/{redemption_id}")
    assert "What you receive<" in asked and "<dt>Units locked</dt>" in asked
    await steps.decide(desk, redemption_id, decision="reject", note="Not now")
    rejected = await _page(seats, desk, "member", f"/redemptions/{redemption_id}")
    assert "What you would have received<" in rejected
    assert "<dt>Units given back</dt>" in rejected
    assert "when decided</span>" in rejected


async def test_it_leads_to_the_client_of_whoever_may_open_their_page(
    seats: Seats, desk: Desk
) -> None:
    redemption_id = await steps.request(desk)
    link = f'href="/clients/{await _client_of(desk, redemption_id)}"'
    for login, is_there in [("rm", True), ("ops", True), ("compliance", True), ("member", False)]:
        page = await _page(seats, desk, login, f"/redemptions/{redemption_id}")
        assert (link in page) is is_there, login


async def test_a_clients_own_list_has_no_column_of_clients(seats: Seats, desk: Desk) -> None:
    await steps.request(desk)
    own = await _page(seats, desk, "member", "/redemptions")
    assert 'data-label="Product"' in own and 'data-label="Client"' not in own
    assert 'data-label="Client"' in await _page(seats, desk, "rm", "/redemptions")
