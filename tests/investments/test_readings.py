"""What is in each vault is read by a job; what cannot be read leaves the last reading, with its age."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domains.investments.jobs.readings import order_readings
from app.domains.investments.operations.payout_settle import READ_JOB
from app.kernel.database import fetch, fetch_value
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import drain


async def _read(desk: Desk) -> dict[str, tuple[Decimal | None, Any]]:
    """Each account's balance as it was last read, and when."""
    async with desk.working("ops"):
        await order_readings()
        await order_readings()  # one is waiting already
        ordered = "SELECT count(*) FROM job WHERE kind = $1 AND state = 'pending'"
        assert await fetch_value(ordered, READ_JOB) == 1
    await drain()
    async with desk.working("ops"):
        rows = await fetch("SELECT name, asset, balance, read_at FROM custody_account")
        assert await fetch_value(ordered, READ_JOB) == 0
    return {f"{row['name']} {row['asset']}": (row["balance"], row["read_at"]) for row in rows}


async def test_a_vault_that_nobody_knows_any_more_keeps_its_last_reading(
    desk: Desk, sandbox: Control
) -> None:
    first = await _read(desk)
    assert {name: balance for name, (balance, _) in first.items()} == {
        "Staging vault USDT": Decimal(300_000),
        "Staging vault USDC": Decimal(300_000),
        # The custodian was never told of this one.
        "Vault USDT": None,
    }
    sandbox.reset()
    assert await _read(desk) == first
