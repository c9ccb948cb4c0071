"""Payouts on their way while something breaks, and what must have become of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from app.kernel.database import fetch
from drills import redeeming
from drills.people import People
from drills.stage import Stage, until

COMPLETED_SECONDS_MAX = 60.0


async def approved(people: People, holdings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A redemption of each holding (login, product), with its product."""
    return {await redeeming.approved(people, login, key): key for login, key in holdings}


async def order(people: People, redemptions: dict[str, str]) -> None:
    """The trader marks all of them ready at once; their payouts follow."""
    await asyncio.gather(
        *(redeeming.ready(people, redemption, key) for redemption, key in redemptions.items())
    )


async def assert_completed(
    people: People, *, within_seconds: float = COMPLETED_SECONDS_MAX
) -> float:
    """Every payout that was ordered is settled; returns how long that took."""

    async def are_completed() -> bool:
        async with people.desk.working("ops"):
            return not await fetch("SELECT FROM payout WHERE state <> 'confirmed'")

    return await until(are_completed, seconds=within_seconds, what="every payout")


async def assert_paid_once(stage: Stage, people: People, redemptions: list[str]) -> None:
    """Of each redemption, the custodian has carried out one withdrawal, of its net."""
    async with people.desk.working("ops"):
        payouts = {
            str(row["id"]): (str(row["redemption_id"]), row["net"])
            for row in await fetch(
                "SELECT p.id, p.redemption_id, r.net FROM payout p JOIN redemption r"
                " ON r.tenant_id = p.tenant_id AND r.id = p.redemption_id"
            )
        }
    assert sorted(redemption for redemption, _ in payouts.values()) == sorted(redemptions)
    executed = [
        (item["idempotency_key"], Decimal(item["amount"]))
        for item in await asyncio.to_thread(stage.sandbox.withdrawals)
        if item["idempotency_key"] in payouts
    ]
    assert sorted(executed) == sorted((key, net) for key, (_, net) in payouts.items())
