"""Prices in dollars: read by a job, kept, and never made fresher than they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.domains.investments.jobs.prices import order_prices
from app.domains.investments.public import record_prices
from app.domains.investments.queries.prices import fresh_usd_price
from app.integrations.prices.sandbox import create_sandbox
from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_value, unit_of_work
from app.settings import settings
from tests.support.custody_sandbox import free_port, serve
from tests.support.desk import Desk
from tests.support.drain import drain


def _working(desk: Desk) -> Any:
    return unit_of_work(tenant=desk.tenant_id, actor=SYSTEM)


async def _read(desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch) -> Decimal | None:
    monkeypatch.setenv("PRICES_URL", url)
    settings.cache_clear()
    try:
        async with _working(desk):
            await order_prices()
            await order_prices()  # one is waiting already
            ordered = "SELECT count(*) FROM job WHERE kind = 'investments.read_prices'"
            assert await fetch_value(ordered) == 1
        await drain()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    async with _working(desk):
        return await fresh_usd_price(asset="USDT")


async def test_a_reading_replaces_the_last_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(create_sandbox()) as address:
        # Whole seconds, and the desk's price is of this one.
        body = {"id": "tether", "usd": "1.25", "age_seconds": -5}
        httpx.post(f"{address}/control/prices", json=body, trust_env=False).raise_for_status()
        assert await _read(desk, address, monkeypatch) == Decimal("1.25")


async def test_a_service_that_is_away_leaves_the_last_price(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    assert await _read(desk, away, monkeypatch) == Decimal("1.00")


async def test_without_a_service_the_last_price_ages(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _read(desk, "", monkeypatch) == Decimal("1.00")


async def test_an_older_price_changes_nothing(desk: Desk) -> None:
    async with _working(desk):
        earlier = datetime.now(UTC) - timedelta(minutes=1)
        await record_prices(prices=[("USDT", Decimal(3), earlier)], source="test")
        assert await fresh_usd_price(asset="USDT") == Decimal(1)


async def test_a_price_from_the_future_is_of_now(desk: Desk) -> None:
    async with _working(desk):
        ahead = datetime.now(UTC) + timedelta(days=1)
        await record_prices(prices=[("USDT", Decimal(3), ahead)], source="test")
        assert await fresh_usd_price(asset="USDT") == Decimal(3)
        assert await fetch_value(
            "SELECT as_of <= clock_timestamp() FROM asset_price WHERE asset = 'USDT'"
        )
