"""A product's page: its NAV over time as a line and as a table, with what of it the viewer may see."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.public import publish_nav
from app.domains.investments.queries.nav_chart import NavChart, Span, product_page
from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.ids import new_id
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import Seats, open_seats
from tests.support.database import TestTenant
from tests.support.desk import Desk, open_desk
from tests.support.drain import advance


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened


async def publish(desk: Desk, nav: str) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM) as unit:
        await publish_nav(
            product_id=desk.products["growth"], nav_per_unit=Decimal(nav), as_of=unit.now
        )


async def chart(desk: Desk, *, by: str, span: Span = Span.all, key: str = "growth") -> NavChart:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by], read_only=True):
        found = (await product_page(product_id=desk.products[key], span=span)).chart
    assert found is not None
    return found


def navs(found: NavChart) -> list[str]:
    return [format(day.point.nav_per_unit.normalize(), "f") for day in found.days]


class TestNavChart:
    async def test_goes_through_every_published_nav(self, desk: Desk) -> None:
        await advance(hours=24)
        await publish(desk, "1.10")
        await advance(hours=24)
        await publish(desk, "1.08")
        found = await chart(desk, by="member")
        assert navs(found) == ["1.05263158", "1.1", "1.08"]
        assert len(found.line.points) == 3
        assert found.change == Decimal("0.0260")
        assert [format(point.nav_per_unit, ".2f") for point in (found.lowest, found.highest)] == [
            "1.05",
            "1.10",
        ]
        assert found.days[0].change is None
        assert found.days[2].change == Decimal("-0.0182")

    async def test_goes_back_as_far_as_it_is_asked_to(self, desk: Desk) -> None:
        await advance(hours=24 * 100)
        await publish(desk, "1.20")
        assert navs(await chart(desk, by="member", span=Span.quarter)) == ["1.2"]
        assert navs(await chart(desk, by="member", span=Span.year)) == ["1.05263158", "1.2"]

    async def test_marks_what_was_priced_by_each_nav(self, desk: Desk) -> None:
        await advance(hours=24)
        await publish(desk, "1.10")
        redemption_id = await steps.request(desk, key="growth")
        await steps.decide(desk, redemption_id)
        await advance(hours=24)
        await publish(desk, "1.11")
        found = await chart(desk, by="member")
        assert [day.redeemed for day in found.days] == [0, 1, 0]
        assert sum(day.subscribed for day in found.days) == 1
        assert (1, "square") in found.marks

    async def test_marks_a_subscription_after_the_cutoff_by_the_nav_it_was_priced_at(
        self, new_tenant: Callable[..., Awaitable[TestTenant]]
    ) -> None:
        hour = (await advance(seconds=1)).hour
        await advance(hours=(16 - hour) % 24 + 1)  # past five
        tenant = await new_tenant()
        desk = await open_desk(tenant_id=tenant.id, slug=tenant.slug)
        await advance(hours=24)
        await publish(desk, "1.10")
        found = await chart(desk, by="member")
        assert [day.subscribed for day in found.days] == [1, 0]

    async def test_marks_nothing_of_what_the_viewer_does_not_see(self, desk: Desk) -> None:
        redemption_id = await steps.request(desk, key="growth")
        await steps.decide(desk, redemption_id)
        seen = {
            login: (
                sum(day.subscribed for day in found.days),
                sum(day.redeemed for day in found.days),
            )
            for login in ("member", "member2", "rm", "rm2", "trader", "ops", "admin")
            for found in [await chart(desk, by=login)]
        }
        assert seen == {
            "member": (1, 1),
            "member2": (1, 0),
            "rm": (1, 1),
            "rm2": (1, 0),
            "trader": (2, 1),
            "ops": (2, 1),
            "admin": (0, 0),
        }

    async def test_a_request_that_is_not_priced_yet_has_no_mark(self, desk: Desk) -> None:
        await steps.request(desk, key="growth")
        assert [day.redeemed for day in (await chart(desk, by="member")).days] == [0]

    async def test_a_crowd_of_marks_is_left_to_the_table(self, desk: Desk) -> None:
        found = await chart(desk, by="ops")
        crowded = [found.days[0]] * 41
        assert len(NavChart(days=crowded[:40], line=found.line).marks) == 40
        assert NavChart(days=crowded, line=found.line).marks == []


class TestTheProductPage:
    async def test_has_its_line_and_the_same_figures_as_a_table(
        self, seats: Seats, desk: Desk
    ) -> None:
        await advance(hours=24)
        await publish(desk, "1.10")
        seat = await seats.of(desk, "member")
        page = (await seat.get(f"/products/{desk.products['growth']}")).text
        (line,) = re.findall(r'<polyline class="chart-line" points="([^"]+)"', page)
        assert len(line.split()) == 2
        assert 'role="img" aria-labelledby="nav-title nav-summary"' in page
        assert "From 1.05263158 on" in page
        rows = re.findall(r'data-label="NAV per unit"><div>\s*<span[^>]*>([0-9.]+)', page)
        assert rows == ["1.1", "1.05263158"]
        assert "Your subscription" in page

    async def test_of_a_fixed_yield_has_terms_and_no_line(self, seats: Seats, desk: Desk) -> None:
        seat = await seats.of(desk, "member")
        page = (await seat.get(f"/products/{desk.products['yield']}")).text
        assert "<polyline" not in page
        assert "Penalty for leaving early" in page

    async def test_is_not_there_for_another_tenant(
        self, seats: Seats, desk: Desk, stranger: Desk
    ) -> None:
        theirs = await seats.of(stranger, "ops")
        ids: list[UUID] = [desk.products["growth"], new_id()]
        answers = [await theirs.get(f"/products/{product_id}") for product_id in ids]
        assert [answer.status_code for answer in answers] == [404, 404]

    async def test_refuses_a_span_that_there_is_not(self, seats: Seats, desk: Desk) -> None:
        seat = await seats.of(desk, "member")
        answer = await seat.get(f"/products/{desk.products['growth']}?span=decade")
        assert answer.status_code == 422

    async def test_says_so_where_no_nav_is_that_recent(self, seats: Seats, desk: Desk) -> None:
        await advance(hours=24 * 100)
        seat = await seats.of(desk, "member")
        page = (await seat.get(f"/products/{desk.products['growth']}?span=quarter")).text
        assert "No NAV in this time" in page
