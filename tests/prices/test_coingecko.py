"""The client of CoinGecko, against its sandbox over HTTP, and against answers nobody should trust."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from litestar import Litestar, Response, get

from app.integrations.prices.coingecko import PATH, CoinGecko
from app.integrations.prices.port import PricesUnavailable
from app.integrations.prices.sandbox import create_sandbox
from tests.support.custody_sandbox import free_port, serve


@pytest.fixture
def sandbox() -> Iterator[str]:
    with serve(create_sandbox()) as address:
        yield address


def _set(address: str, **given: Any) -> None:
    httpx.post(f"{address}/control/prices", json=given, trust_env=False).raise_for_status()


async def test_reads_what_it_knows_to_the_last_digit(sandbox: str) -> None:
    _set(sandbox, id="tether", usd="1.000100000000000001")
    found = await CoinGecko(url=sandbox).usd_prices(assets=["USDT", "USDC", "NOBODY"])
    assert {one.asset: one.usd for one in found} == {
        "USDC": Decimal("1.00"),
        "USDT": Decimal("1.000100000000000001"),
    }
    assert all(datetime.now(UTC) - one.as_of < timedelta(minutes=1) for one in found)


async def test_says_how_old_a_price_is(sandbox: str) -> None:
    _set(sandbox, id="tether", usd="1", age_seconds=3600)
    found = await CoinGecko(url=sandbox).usd_prices(assets=["USDT"])
    assert datetime.now(UTC) - found[0].as_of >= timedelta(hours=1)


async def test_what_the_service_forgot_has_no_price(sandbox: str) -> None:
    _set(sandbox, id="tether")
    assert await CoinGecko(url=sandbox).usd_prices(assets=["USDT"]) == []


async def test_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(PricesUnavailable):
        await CoinGecko(url=f"http://127.0.0.1:{free_port()}").usd_prices(assets=["USDT"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"tether": {"usd": 0, "last_updated_at": 1}}', 200),
        (b'{"tether": {"usd": -1, "last_updated_at": 1}}', 200),
        (b'{"tether": {"usd": 1e40, "last_updated_at": 1}}', 200),
        (b'{"tether": {"usd": "NaN", "last_updated_at": 1}}', 200),
        (b'{"tether": {"usd": 1}}', 200),
        (b'{"tether": {"usd": 1, "last_updated_at": 99999999999999999}}', 200),
        (b"<html>", 200),
        (b'{"tether": {"usd": 1, "last_updated_at": 1}}', 429),
    ],
)
async def test_an_answer_that_nobody_should_trust_is_none(body: bytes, status: int) -> None:
    @get(PATH)
    async def answer() -> Response[bytes]:
        return Response(body, status_code=status, media_type="application/json")

    app = Litestar([answer], openapi_config=None)
    with serve(app) as address, pytest.raises(PricesUnavailable):
        await CoinGecko(url=address).usd_prices(assets=["USDT"])
