"""A product's NAV over time, with the days on which the viewer's subscriptions and redemptions were
priced by it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domains.investments.calculations.chart_line import Line, line_of
from app.domains.investments.queries.products import nav_history, products
from app.domains.investments.queries.scope import redemption_scope
from app.domains.investments.values import NavPoint, ProductKind, ProductView, View
from app.kernel.database import current, fetch
from app.kernel.money import round_half_even


class Span(StrEnum):
    quarter = "quarter"
    year = "year"
    all = "all"


_MARKS_MAX = 40
_DAYS = {Span.quarter: 91, Span.year: 365}


class NavDay(View, frozen=True, kw_only=True):
    """A published NAV, and how many subscriptions and redemptions it priced: of those alone that the
    viewer sees."""

    point: NavPoint
    change: Decimal | None  # to the one before, as a fraction of it; None for the first
    subscribed: int
    redeemed: int


class NavChart(View, frozen=True, kw_only=True):
    """`days` and the line's points belong together, oldest first."""

    days: list[NavDay]
    line: Line

    @property
    def marks(self) -> list[tuple[int, str]]:
        """Number of the point and shape; none where they would hide the line, as those of a whole
        tenant's clients do.
        """
        found = [(n, "circle") for n, day in enumerate(self.days) if day.subscribed]
        found += [(n, "square") for n, day in enumerate(self.days) if day.redeemed]
        return found if len(found) <= _MARKS_MAX else []

    @property
    def first(self) -> NavPoint:
        return self.days[0].point

    @property
    def last(self) -> NavPoint:
        return self.days[-1].point

    @property
    def lowest(self) -> NavPoint:
        return min((day.point for day in self.days), key=lambda point: point.nav_per_unit)

    @property
    def highest(self) -> NavPoint:
        return max((day.point for day in self.days), key=lambda point: point.nav_per_unit)

    @property
    def change(self) -> Decimal:
        """From the first to the last, as a fraction of the first, to a hundredth of a percent."""
        return _moved(self.first, self.last)


class ProductPage(View, frozen=True, kw_only=True):
    """`chart` is None for a product without a NAV, and before its first one."""

    product: ProductView
    span: Span
    chart: NavChart | None


async def product_page(*, product_id: UUID, span: Span) -> ProductPage:
    """Raises `NotFound`."""
    product = (await products(product_id=product_id))[0]
    chart = None
    if product.kind is ProductKind.nav_units:
        chart = await nav_chart(product=product, span=span)
    return ProductPage(product=product, span=span, chart=chart)


async def nav_chart(*, product: ProductView, span: Span) -> NavChart | None:
    """The NAVs of that time up to now; None where there is none."""
    now = current().now
    since = now - timedelta(days=_DAYS[span]) if span in _DAYS else None
    points = await nav_history(product_id=product.id, since=since, until=now)
    if not points:
        return None
    subscribed = _by_point(points, await _subscribed(product))
    redeemed = _by_point(points, await _redeemed(product))
    before: list[NavPoint | None] = [None, *points[:-1]]
    return NavChart(
        days=[
            NavDay(
                point=point,
                change=None if last is None else _moved(last, point),
                subscribed=subscribed[n],
                redeemed=redeemed[n],
            )
            for n, (point, last) in enumerate(zip(points, before, strict=True))
        ],
        line=line_of([(point.as_of, point.nav_per_unit) for point in points]),
    )


def _moved(before: NavPoint, after: NavPoint) -> Decimal:
    return round_half_even(after.nav_per_unit / before.nav_per_unit - 1, places=4)


def _by_point(points: Sequence[NavPoint], instants: Sequence[datetime]) -> list[int]:
    """How many of `instants`, in order, each point was the latest NAV for."""
    counts = [0] * len(points)
    at = [point.as_of for point in points]
    for instant in instants:
        place = bisect_right(at, instant) - 1
        if place >= 0:
            counts[place] += 1
    return counts


async def _subscribed(product: ProductView) -> list[datetime]:
    """When each subscription that the viewer sees got its units, at the NAV that was in force then."""
    actor = current().actor
    if not actor.may("subscription:read"):
        return []
    scoped = {"member": "c.membership_id = $2", "rm": "c.rm_membership_id = $2"}.get(
        actor.role, "$2::uuid IS NOT NULL"
    )
    rows = await fetch(
        "SELECT e.recorded_at AS at FROM subscription s JOIN client c ON c.id = s.client_id"
        " JOIN ledger_entry e ON e.subject_kind = 'subscription' AND e.subject_id = s.id"
        " AND e.operation = 'subscription.open'"
        f" WHERE s.product_id = $1 AND {scoped} ORDER BY at",
        product.id,
        actor.id,
    )
    return [row["at"] for row in rows]


async def _redeemed(product: ProductView) -> list[datetime]:
    """The NAVs that the redemptions which the viewer sees were struck at."""
    if not current().actor.may("redemption:read"):
        return []
    scope = await redemption_scope()
    rows = await fetch(
        "SELECT r.nav_at FROM redemption r JOIN client c ON c.id = r.client_id"
        f" WHERE r.product_id = $3 AND r.struck_at IS NOT NULL AND {scope.condition}"
        " AND coalesce(r.held_from, r.state) <> 'cancelled' ORDER BY r.nav_at",
        scope.memberships,
        scope.states,
        product.id,
    )
    return [row["nav_at"] for row in rows]
