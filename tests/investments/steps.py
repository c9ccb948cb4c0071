"""The steps of a redemption as the people of a desk take them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.domains.investments.operations.redemption_approve import (
    clear_redemption,
    decide_redemption,
)
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_ready import mark_ready
from app.domains.investments.operations.redemption_request import request_redemption
from app.domains.investments.queries.redemptions import redemption
from app.domains.investments.values import RedemptionView
from app.kernel.approvals.values import Decision
from app.kernel.database import unit_of_work
from tests.support.desk import Desk
from tests.support.drain import drain


async def request(
    desk: Desk,
    *,
    key: str = "yield",
    login: str = "member",
    portion: Portion | None = None,
    **changes: UUID | None,
) -> UUID:
    given = {"destination_id": desk.destinations[login, key], "quote_id": None} | changes
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
        return await request_redemption(
            subscription_id=desk.subscriptions[login, key],
            portion=portion or Portion(),
            destination_id=given["destination_id"],
            quote_id=given["quote_id"],
        )


async def decide(
    desk: Desk, redemption_id: UUID, *, by: str = "rm", decision: str = "approve", note: str = ""
) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by]):
        await decide_redemption(redemption_id=redemption_id, decision=Decision(decision), note=note)


async def at_compliance(desk: Desk, *, portion: Portion | None = None) -> UUID:
    """Approved by the manager, and the client's third request within a day."""
    for _ in range(2):
        earlier = await request(desk, portion=Portion(units="1"))
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
            await cancel_redemption(redemption_id=earlier)
    redemption_id = await request(desk, portion=portion)
    await decide(desk, redemption_id)
    return redemption_id


async def clear(
    desk: Desk,
    redemption_id: UUID,
    *,
    by: str = "compliance",
    decision: str = "approve",
    note: str = "",
) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by]):
        await clear_redemption(redemption_id=redemption_id, decision=Decision(decision), note=note)


async def ready(desk: Desk, redemption_id: UUID, *, key: str = "yield", by: str = "trader") -> None:
    """People are told of what came before first: their mail would take longer than the second after
    which a custodian who gave no answer is asked again."""
    await drain()
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by]):
        await mark_ready(redemption_id=redemption_id, source_account_id=desk.staging[key])


async def seen(desk: Desk, redemption_id: UUID, *, by: str = "ops") -> RedemptionView:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by], read_only=True):
        return await redemption(redemption_id=redemption_id)


async def seen_now(desk: Desk) -> datetime:
    """Business time."""
    async with unit_of_work(
        tenant=desk.tenant_id, actor=desk.people["ops"], read_only=True
    ) as unit:
        return unit.now
