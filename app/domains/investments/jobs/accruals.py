"""The daily accrual of every fixed-yield product."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.yield_accrue import accrue_yields
from app.domains.investments.values import ProductKind
from app.kernel.database import fetch
from app.kernel.jobs import enqueue, job


async def order_accruals() -> None:
    """The tenant's day: one job a product, so that one which fails does not hold up the others."""
    rows = await fetch("SELECT id FROM product WHERE kind = $1", ProductKind.fixed_yield.value)
    for row in rows:
        await enqueue(kind="investments.accrue_product", payload={"product_id": str(row["id"])})


@job(
    "investments.accrue_product",
    undone="That day's yield of the product is not posted before the next day's accrual, which makes"
    " up for it; until then the ledger owes less than clients are shown",
)
async def accrue_product(*, payload: dict[str, Any]) -> None:
    await accrue_yields(product_id=UUID(payload["product_id"]))
