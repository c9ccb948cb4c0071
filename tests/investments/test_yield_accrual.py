"""Yield grows until maturity, is posted once a day, and then stands still."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.domains.investments.operations.yield_accrue import accrue_yields
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_row, fetch_value, unit_of_work
from app.kernel.ids import new_id
from tests.support.desk import Desk
from tests.support.invariants import assert_invariants_hold


async def _accrued(desk: Desk, at: datetime, product_id: UUID | None = None) -> tuple[Decimal, int]:
    """What all have accrued by then, and how many entries that took."""
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM, at=at):
        await accrue_yields(product_id=product_id or desk.products["yield"])
        total = await fetch_value("SELECT sum(accrued) FROM subscription")
        count = await fetch_value(
            "SELECT count(*) FROM ledger_entry WHERE operation = 'yield.accrue'"
        )
    return total, count


async def test_past_maturity_nothing_is_posted_any_more(desk: Desk) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM) as unit:
        begun = unit.now
        row = await fetch_row("SELECT matures_on FROM subscription WHERE term_months = 6 LIMIT 1")
    assert row is not None
    ended = begun + timedelta(days=(row["matures_on"] - begun.date()).days)
    first, entries = await _accrued(desk, begun + timedelta(days=1))
    assert first > 0 and entries == 1
    assert await _accrued(desk, begun + timedelta(days=1)) == (first, 1), "once a day"
    whole, entries = await _accrued(desk, ended)
    assert whole > first and entries == 2
    assert await _accrued(desk, ended + timedelta(days=3)) == (whole, 2)
    assert await _accrued(desk, ended, new_id()) == (whole, 2), "no such product, nothing accrues"
    await assert_invariants_hold(desk.tenant_id)
