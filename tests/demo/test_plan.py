"""The plan of the demo's data: always the same, and with something of everything."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.demo.plan import Calendar, Custodian, Plan
from app.demo.scales import SIZES, make_plan
from app.domains.investments.public import ProductKind, RedemptionState
from app.settings import DemoScale

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
FULL = SIZES[DemoScale.full]


@pytest.fixture(scope="module")
def full() -> Plan:
    return make_plan(FULL, now=NOW)


class TestFull:
    def test_is_the_same_every_time(self, full: Plan) -> None:
        assert make_plan(FULL, now=NOW) == full

    @pytest.mark.parametrize("hour", range(0, 24, 3))
    def test_has_every_state_at_every_hour(self, hour: int) -> None:
        plan = make_plan(FULL, now=NOW.replace(hour=hour, minute=1))
        ends = Counter(request.ends for request in plan.requests)
        assert set(ends) == set(RedemptionState)
        assert ends[RedemptionState.completed] > 300
        assert all(request.requested_at < plan.now for request in plan.requests)

    def test_has_the_same_people_whatever_the_hour(self, full: Plan) -> None:
        later = make_plan(FULL, now=NOW + timedelta(hours=11))
        assert [client.name for client in later.clients] == [one.name for one in full.clients]

    def test_has_three_hundred_clients_of_many_countries(self, full: Plan) -> None:
        assert len(full.clients) == 300
        assert len({client.name for client in full.clients}) == 300
        assert len({client.email for client in full.clients}) == 300
        assert len({client.country for client in full.clients}) > 30
        assert {client.manager for client in full.clients} == {"rm", "rm2"}

    def test_has_two_products_of_each_kind_in_four_assets(self, full: Plan) -> None:
        kinds = Counter(product.spec.kind for product in full.products)
        assert kinds == {ProductKind.fixed_yield: 2, ProductKind.nav_units: 2}
        assert len({product.spec.asset for product in full.products}) == 4

    def test_has_a_nav_for_every_day_of_a_year(self, full: Plan) -> None:
        calendar = Calendar(full.now)
        for product in full.products:
            if product.has_nav:
                navs = [nav for nav in full.navs if nav.product == product.name]
                days = {calendar.day_of(nav.as_of) for nav in navs}
                assert len(days) == len(navs) >= 365
                assert navs[-1].as_of > full.now - timedelta(days=1)
                assert Decimal("1.02") < navs[-1].nav_per_unit < Decimal("1.3")

    def test_breaches_lapses_reassigns_retries_and_holds_on_the_way(self, full: Plan) -> None:
        over = [one for one in full.requests if one.ends is RedemptionState.completed]
        assert [one for one in over if one.ready_after and one.ready_after > timedelta(hours=36)]
        assert [one for one in over if one.reassigned_at]
        assert [one for one in over if one.resumed_at]
        assert [one for one in over if one.custodian is Custodian.refuses and one.retried_after]
        cancelled = [one for one in full.requests if one.ends is RedemptionState.cancelled]
        assert [one for one in cancelled if one.given_up_at]
        assert [one for one in cancelled if one.answered_after is None]
        assert [one for one in full.requests if not one.is_cleared]

    def test_leaves_each_manager_a_queue_with_clocks_of_every_colour(self, full: Plan) -> None:
        manager_of = {client.key: client.manager for client in full.clients}
        client_of = {deposit.key: deposit.client for deposit in full.deposits}
        left: dict[str, list[timedelta]] = {"rm": [], "rm2": []}
        for one in full.requests:
            if one.ends is RedemptionState.pending_approval:
                manager = manager_of[client_of[one.deposit]]
                left[manager].append(one.requested_at + timedelta(hours=24) - full.now)
        amber = timedelta(hours=4.8)
        for clocks in left.values():
            assert len(clocks) >= 5
            assert any(clock > amber for clock in clocks)
            assert any(timedelta(0) < clock < amber for clock in clocks)
        assert any(clock < timedelta(0) for clock in left["rm"])

    @pytest.mark.parametrize("scale", DemoScale)
    def test_leaves_the_first_client_free_to_redeem(self, scale: DemoScale) -> None:
        plan = make_plan(SIZES[scale], now=NOW)
        own = [deposit for deposit in plan.deposits if deposit.client == "member"]
        kinds = {product.name: product.spec.kind for product in plan.products}
        assert {kinds[deposit.product] for deposit in own} == set(ProductKind)
        assert all(20_000 < deposit.amount < 500_000 for deposit in own)
        keys = {deposit.key for deposit in own}
        asked = [one for one in plan.requests if one.deposit in keys]
        assert all(one.ends is RedemptionState.completed for one in asked)
        assert all(one.requested_at < plan.now - timedelta(days=7) for one in asked)
        (client,) = [client for client in plan.clients if client.key == "member"]
        assert client.manager == "rm"


def test_small_is_two_clients_who_have_asked_for_nothing() -> None:
    plan = make_plan(SIZES[DemoScale.small], now=NOW)
    assert [client.key for client in plan.clients] == ["member", "member2"]
    assert len(plan.deposits) == 5
    assert plan.requests == []
