"""Ask the custodian what is in each vault and venue."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import structlog

from app.domains.investments.operations.custody_read import record_readings
from app.domains.investments.operations.payout_settle import READ_JOB
from app.integrations.custody import custody
from app.integrations.custody.port import CustodyUnavailable, VaultUnknown
from app.kernel.database import fetch, fetch_value
from app.kernel.jobs import OutsideCall, enqueue, outside_job
from app.kernel.real_time import real_now

_log = structlog.get_logger(__name__)


async def order_readings() -> None:
    """Order one reading of the tenant's accounts, unless one is waiting already."""
    wanted = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM custody_account) AND NOT EXISTS ("
        " SELECT 1 FROM job WHERE kind = $1 AND state IN ('pending', 'running'))",
        READ_JOB,
    )
    if wanted:
        await enqueue(kind=READ_JOB, payload={})


@outside_job(READ_JOB, attempts_max=2, undone="Nothing: the next reading is ordered within seconds")
async def read_custody(call: OutsideCall) -> None:
    """A custodian that does not answer leaves the last reading, whose age the pages show."""
    async with call.unit_of_work():
        rows = await fetch("SELECT id, reference, asset FROM custody_account ORDER BY id")
    readings: list[tuple[UUID, Decimal]] = []
    for row in rows:
        try:
            found = await custody().read_balances(reference=row["reference"])
        except (CustodyUnavailable, VaultUnknown) as error:
            _log.warning("balance not read", account_id=str(row["id"]), error=repr(error))
            continue
        readings += [(row["id"], item.balance) for item in found if item.asset == row["asset"]]
    async with call.completing():
        if readings:
            await record_readings(readings=readings, read_at=real_now())
