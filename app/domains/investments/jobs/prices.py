"""Ask the price service what each product's asset is worth in US dollars."""

from __future__ import annotations

import structlog

from app.domains.investments.operations.price_record import record_prices
from app.integrations.prices import prices
from app.integrations.prices.port import PricesUnavailable
from app.kernel.database import fetch, fetch_value
from app.kernel.jobs import OutsideCall, enqueue, outside_job

READ_JOB = "investments.read_prices"

_log = structlog.get_logger(__name__)


async def order_prices() -> None:
    """Order one reading of the tenant's assets, unless one is waiting already."""
    wanted = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM product) AND NOT EXISTS ("
        " SELECT 1 FROM job WHERE kind = $1 AND state IN ('pending', 'running'))",
        READ_JOB,
    )
    if wanted:
        await enqueue(kind=READ_JOB, payload={})


@outside_job(
    READ_JOB, attempts_max=2, undone="Nothing: the next reading is ordered within a minute"
)
async def read_prices(call: OutsideCall) -> None:
    """A service that does not answer leaves the last prices, which age: then compliance is asked."""
    service = prices()
    if service is None:
        return
    async with call.unit_of_work():
        rows = await fetch("SELECT DISTINCT asset FROM product ORDER BY asset")
    try:
        found = await service.usd_prices(assets=[row["asset"] for row in rows])
    except PricesUnavailable as error:
        _log.warning("prices not read", error=repr(error))
        return
    async with call.completing():
        await record_prices(
            prices=[(price.asset, price.usd, price.as_of) for price in found],
            source=service.source,
        )
