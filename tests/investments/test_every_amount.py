"""Every amount on every page of every desk is explained, or is on record as somebody gave it.

The pages are the portal's own routes: a new page is walked by itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from app.domains.investments.operations.custody_read import record_readings
from app.domains.investments.operations.payout_settle import begin_payout
from app.domains.investments.operations.redemption_quote import Portion
from app.kernel.database import fetch, fetch_row, fetch_value
from app.kernel.ids import new_id
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.web.shell import Portal
from tests.investments import steps
from tests.investments.amounts_on_pages import Amount, Figures, figures_of
from tests.security.matrix import MATRIX, Things
from tests.security.seats import API, Seat, Seats, open_seats
from tests.security.test_access_matrix import things_of
from tests.security.walk import routes_of
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk, price
from tests.support.drain import drain

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
LOGINS = ("member", "rm", "trader", "ops", "compliance", "admin")
# No pages, or pages without a viewer; explanations are what the others lead to.
ELSEWHERE = (API, "/auth/", "/health/", "/metrics", "/static/", "/explain/")
# What an amount may be besides computed.
RECORDED = frozenset({"reading", "deposit", "limit", "posting", "price", "input"})


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def lived_in(desk: Desk) -> UUID:
    """Requests in many states, payouts on their way and done, too little in staging, and readings
    that differ. Returns the request whose payout is on its way."""
    # A client's third request within a day is compliance's as well.
    for login, key, units in (("member", "yield", "11"), ("member2", "growth", "12")):
        paid = await steps.request(desk, login=login, key=key, portion=Portion(units=units))
        await steps.decide(desk, paid, by="rm" if login == "member" else "rm2")
        await steps.ready(desk, paid, key=key)
    await drain()
    sent = await steps.request(desk, key="growth", portion=Portion(units="13"))
    await steps.decide(desk, sent)
    await steps.ready(desk, sent, key="growth")
    waiting = await steps.request(desk, login="member2", key="growth", portion=Portion(units="900"))
    await steps.decide(desk, waiting, by="rm2")
    await steps.at_compliance(desk, portion=Portion(units="30"))
    async with desk.working("ops"):
        await price(USDT="13.0007")
    # Above what a manager alone decides.
    await steps.request(desk, login="member2", portion=Portion(units="41000.5"))
    await steps.request(desk, key="growth", portion=Portion(fraction="0.333"))
    async with desk.working("ops"):
        payout = await fetch_value("SELECT id FROM payout WHERE redemption_id = $1", sent)
        await begin_payout(payout_id=payout)
        await leave_in_staging(desk, "growth", Decimal(500))
        await record_readings(
            readings=[(account, Decimal("123456.78")) for account in desk.staging.values()],
            read_at=datetime.now(UTC),
        )
    return sent


async def leave_in_staging(desk: Desk, key: str, amount: Decimal) -> None:
    """The rest has gone to work elsewhere."""
    row = await fetch_row(
        "SELECT c.available_account_id AS account, p.book_id, b.balance FROM custody_account c"
        " JOIN product p ON p.id = c.product_id"
        " JOIN ledger_balance b ON b.account_id = c.available_account_id WHERE c.id = $1",
        desk.staging[key],
    )
    assert row is not None
    other = await fetch_value(
        "SELECT id FROM ledger_account WHERE book_id = $1 AND NOT floored AND asset = 'USDC' LIMIT 1",
        row["book_id"],
    )
    gone = row["balance"] - amount
    await post_entries(
        entries=[
            Entry(
                book_id=row["book_id"],
                idempotency_key=f"test:{new_id()}",
                operation="test.move",
                subject_kind="product",
                subject_id=desk.products[key],
                effective_on=datetime.now(UTC).date(),
                narrative="Gone elsewhere",
                postings=[Posting(row["account"], -gone), Posting(other, gone)],
            )
        ]
    )


def pages_of(portal: Portal, things: Things, redemptions: list[UUID]) -> list[str]:
    """The address of every page, with the ids of `things`; of every redemption its own."""
    found = []
    for method, path in routes_of(portal):
        if method != "GET" or path.startswith(ELSEWHERE):
            continue
        if path == "/redemptions/{redemption_id}":
            found += [f"/redemptions/{one}" for one in redemptions]
        elif "{" in path:
            route = MATRIX[method, path]
            found.append(route.path_to(path, getattr(things, route.names)))
        else:
            found.append(path)
    return [*found, "/search?q=member", "/search?q=R-", "/redemptions?state=completed"]


class Walk:
    """What was found wrong, and what each link led to: pages repeat each other's."""

    def __init__(self) -> None:
        self.wrong: list[tuple[object, ...]] = []
        self._told: dict[tuple[str, str], tuple[int, Figures]] = {}

    async def explanation(self, seat: Seat, address: str) -> tuple[int, Figures]:
        key = (seat.name, address)
        if key not in self._told:
            answer = await seat.get(address)
            self._told[key] = (answer.status_code, figures_of(answer.text))
        return self._told[key]


async def check(walk: Walk, seat: Seat, path: str, html: str) -> Figures:
    """Follow what one page explains; what is neither explained nor recorded is wrong."""
    figures = figures_of(html)
    explained = {abs(one.value) for one in figures.amounts if one.how == "explained"}
    known = explained | {abs(one.value) for one in figures.amounts if one.how != "explained"}
    for one in figures.amounts:
        if one.how == "explained":
            await check_explained(walk, seat, path, one)
        elif one.how == "step":
            continue  # within the explanation of a quote, or of a printed page
        elif one.how.removeprefix("recorded:") not in RECORDED:
            walk.wrong.append((seat.name, path, "neither nor", one.how, one.value))
    for number in figures.loose:
        if number not in known:
            walk.wrong.append((seat.name, path, "a number that is no amount here", number))
    return figures


async def check_explained(walk: Walk, seat: Seat, path: str, one: Amount) -> None:
    status, told = await walk.explanation(seat, one.address)
    shown = [abs(found.value) for found in told.amounts if found.how == "shown"]
    if (status, told.agrees, shown) != (200, ["yes"], [abs(one.value)]):
        walk.wrong.append((seat.name, path, one.address, status, told.agrees, shown, one.value))


async def test_of_every_page_is_explained_or_recorded(
    portal: Portal, seats: Seats, desk: Desk, sandbox: Control
) -> None:
    redemption_id = await lived_in(desk)
    things = await things_of(desk, redemption_id)
    async with desk.working("ops"):
        redemptions = [row["id"] for row in await fetch("SELECT id FROM redemption ORDER BY id")]
    walk = Walk()
    seen, kinds, addresses = set(), set(), set()
    for login in LOGINS:
        seat = await seats.of(desk, login)
        for path in pages_of(portal, things, redemptions):
            answer = await seat.get(path)
            if answer.status_code != 200 or "html" not in answer.headers["content-type"]:
                continue
            seen.add(path)
            figures = await check(walk, seat, path, answer.text)
            kinds |= {one.how for one in figures.amounts}
            addresses |= {one.address.partition("?")[0] for one in figures.amounts}
    assert walk.wrong == [], "\n".join(str(one) for one in walk.wrong)
    unseen = set(pages_of(portal, things, redemptions)) - seen
    assert {path for path in unseen if path != "/"} == set(), "nobody may open these"
    # The walk has met every kind of explanation that pages lead to.
    for kind in ("redemptions", "holdings", "vaults", "clients", "accounts", "totals"):
        assert any(address.startswith(f"/explain/{kind}") for address in addresses), kind
    assert {"recorded:reading", "recorded:posting", "recorded:deposit"} <= kinds


async def test_of_a_quote_and_of_what_may_be_asked_for_is_explained(
    seats: Seats, desk: Desk
) -> None:
    await steps.request(desk, portion=Portion(units="2500.5"))
    member = await seats.of(desk, "member")
    walk = Walk()
    for key in ("yield", "growth"):
        path = f"/subscriptions/{desk.subscriptions['member', key]}/redeem"
        body = {
            "by": "units",
            "units": "99",
            "destination_id": str(desk.destinations["member", key]),
        }
        quoted = await member.post(path, body)
        assert quoted.status_code == 200
        figures = await check(walk, member, path, quoted.text)
        addresses = {one.address.partition("?")[0] for one in figures.amounts}
        assert any(address.startswith("/explain/quotes/") for address in addresses)
        assert any(address.startswith("/explain/allowances/") for address in addresses)
    assert walk.wrong == []


def test_is_drawn_by_the_macros_that_say_where_it_comes_from() -> None:
    """A filter writes the digits of an amount; only those macros may use it."""
    used = re.compile(r"\|\s*(?:amount|units|exact)\b|(?:drawn|drawn_exact)\(|data-amount")
    allowed = {"components/figures.html", "investments/explained.html"}
    found = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if used.search(path.read_text())
    }
    assert found == allowed
