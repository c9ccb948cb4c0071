"""Lists of the REST interface by keyset pages: every row once, whatever the size of a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.public import publish_nav
from app.kernel.approvals.operations import delegate
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue
from tests.investments import steps
from tests.security.seats import API, Seat, Seats
from tests.support.database import DatabaseUrls, connected
from tests.support.desk import Desk

INVESTMENTS = f"{API}/investments"


async def pages(seat: Seat, path: str, limit: int) -> tuple[list[Any], int]:
    """All rows, following `links.next` from page to page; and how many pages there were."""
    rows: list[Any] = []
    url, count = f"{path}{'&' if '?' in path else '?'}limit={limit}", 0
    while url:
        answer = await seat.get(url)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert len(body["data"]) <= limit
        assert body["meta"]["page"]["limit"] == limit
        assert ("next" in body["links"]) == (body["meta"]["page"]["next_cursor"] is not None)
        rows += body["data"]
        url, count = body["links"].get("next"), count + 1
        assert count < 60, "it never ends"
    return rows, count


async def fill(desk: Desk, urls: DatabaseUrls) -> None:
    """A few rows for every list."""
    for _ in range(3):
        await steps.request(desk, portion=Portion(units="1"))
    async with desk.working("rm") as unit:
        for days in (7, 9, 11):
            rm2 = desk.people["rm2"].id
            assert rm2 is not None
            await delegate(
                to_membership_id=rm2,
                permissions=["redemption:approve"],
                starts_at=unit.now + timedelta(days=days),
                ends_at=unit.now + timedelta(days=days + 1),
            )
    async with desk.working("ops") as unit:
        for days in (4, 3, 2):
            await publish_nav(
                product_id=desk.products["growth"],
                nav_per_unit=Decimal("1.05"),
                as_of=unit.now - timedelta(days=days),
            )
        for _ in range(3):
            await enqueue(kind="yield.accrue", payload={"product_id": str(new_id())})
    async with connected(urls.admin) as connection:
        # All at one instant: what comes next goes by the id as well.
        await connection.execute(
            "UPDATE job SET state = 'dead', finished_at = now(), last_error = 'It broke'"
            " WHERE tenant_id = $1 AND kind = 'yield.accrue'",
            desk.tenant_id,
        )


LISTS = [
    ("member", f"{INVESTMENTS}/products", 2),
    ("member", f"{INVESTMENTS}/products/PRODUCT/nav", 4),
    ("ops", f"{INVESTMENTS}/accounts", 3),
    ("ops", f"{INVESTMENTS}/subscriptions", 4),
    ("member", f"{INVESTMENTS}/subscriptions", 2),
    ("member", f"{INVESTMENTS}/destinations", 2),
    ("member", f"{INVESTMENTS}/redemptions", 3),
    ("ops", f"{INVESTMENTS}/clients", 2),
    ("ops", f"{INVESTMENTS}/clients?sort=worth", 2),
    ("ops", f"{INVESTMENTS}/prices/readings", 2),
    ("ops", f"{API}/ledger/accounts", 10),
    ("ops", f"{API}/ledger/entries", 10),
    ("rm", f"{API}/approvals", 3),
    ("ops", f"{API}/deadlines?state=running", 3),
    ("rm", f"{API}/deadlines", 3),
    ("compliance", f"{API}/audit", 10),
    ("ops", f"{API}/jobs/dead", 3),
    ("rm", f"{API}/delegations", 3),
]


async def test_every_row_comes_once_in_the_same_order(
    seats: Seats, desk: Desk, database: DatabaseUrls
) -> None:
    await fill(desk, database)
    for login, path, at_least in LISTS:
        path = path.replace("PRODUCT", str(desk.products["growth"]))
        seat = await seats.of(desk, login)
        whole, _ = await pages(seat, path, 200)
        assert len(whole) >= at_least, path
        identities = [row.get("id", row.get("as_of")) for row in whole]
        assert len(set(identities)) == len(identities), path
        for limit in (1, 2, len(whole)):
            rows, count = await pages(seat, path, limit)
            assert [row.get("id", row.get("as_of")) for row in rows] == identities, (path, limit)
            assert count == -(-len(whole) // limit), (path, limit)


@pytest.mark.parametrize(("login", "path"), [(login, path) for login, path, _ in LISTS])
async def test_a_cursor_that_is_none_is_said_to_be_none(
    seats: Seats, desk: Desk, login: str, path: str
) -> None:
    path = path.replace("PRODUCT", str(desk.products["growth"]))
    answer = await (await seats.of(desk, login)).get(
        f"{path}{'&' if '?' in path else '?'}cursor=nonsense"
    )
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["NOT_A_CURSOR"]


async def test_a_cursor_of_another_tenants_row_shows_nothing_of_it(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    theirs = stranger.products["growth"]
    for path in (f"{INVESTMENTS}/products", f"{INVESTMENTS}/accounts"):
        answer = await (await seats.of(desk, "trader")).get(f"{path}?cursor={theirs}")
        assert answer.status_code == 200
        assert answer.json()["data"] == []


class TestOne:
    @pytest.mark.parametrize("login", ["member", "rm", "trader", "ops", "compliance"])
    async def test_a_subscription_reads_as_in_its_list(
        self, seats: Seats, desk: Desk, login: str
    ) -> None:
        seat = await seats.of(desk, login)
        found = (await seat.get(f"{INVESTMENTS}/subscriptions")).json()["data"]
        one = (await seat.get(f"{INVESTMENTS}/subscriptions/{found[0]['id']}")).json()["data"]
        # What earns by the day is worth so much as of now, and a second may have passed.
        read, listed = (datetime.fromisoformat(row.pop("nav_at")) for row in (one, found[0]))
        assert listed <= read < listed + timedelta(minutes=1)
        assert one == found[0]

    async def test_a_destination_reads_as_in_its_list(self, seats: Seats, desk: Desk) -> None:
        seat = await seats.of(desk, "member")
        found = (await seat.get(f"{INVESTMENTS}/destinations")).json()["data"]
        one = await seat.get(f"{INVESTMENTS}/destinations/{found[0]['id']}")
        assert one.json()["data"] == found[0]

    @pytest.mark.parametrize("login", ["rm", "ops", "compliance"])
    async def test_an_approval_reads_as_in_its_list(
        self, seats: Seats, desk: Desk, login: str
    ) -> None:
        await steps.request(desk)
        seat = await seats.of(desk, login)
        found = (await seat.get(f"{API}/approvals")).json()["data"]
        one = await seat.get(f"{API}/approvals/{found[0]['id']}")
        assert one.json()["data"] == found[0]
