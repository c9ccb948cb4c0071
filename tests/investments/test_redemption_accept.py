"""The net moved too far: the client accepts what it is now, takes the request back, or it lapses."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_accept import (
    accept_redemption,
    lapse_redemption,
)
from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.public import publish_nav
from app.domains.investments.values import RedemptionState
from app.kernel.actors import SYSTEM
from app.kernel.database import unit_of_work
from app.kernel.errors import NotFound
from tests.investments import steps
from tests.support.desk import Desk
from tests.support.drain import advance, drain
from tests.support.invariants import assert_invariants_hold


async def _publish(desk: Desk, nav: str) -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]) as unit:
        await publish_nav(
            product_id=desk.products["growth"], nav_per_unit=Decimal(nav), as_of=unit.now
        )


async def _offered(desk: Desk) -> UUID:
    redemption_id = await steps.request(desk, key="growth")
    await _publish(desk, "1.07")
    await steps.decide(desk, redemption_id)
    return redemption_id


async def _accept(desk: Desk, redemption_id: UUID, login: str = "member") -> RedemptionState:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[login]):
        return await accept_redemption(redemption_id=redemption_id)


async def test_is_offered_with_its_new_net_for_24_hours(desk: Desk) -> None:
    redemption_id = await steps.request(desk, key="growth")
    asked = (await steps.seen(desk, redemption_id)).amounts.net
    await _publish(desk, "1.07")
    await steps.decide(desk, redemption_id)
    view = await steps.seen(desk, redemption_id)
    assert view.state is RedemptionState.awaiting_client
    assert view.amounts.net > asked
    assert [(timer.kind, timer.state) for timer in view.deadlines] == [
        ("approval", "met"),
        ("client", "running"),
    ]
    await assert_invariants_hold(desk.tenant_id)


async def test_accepted_is_struck_at_what_was_offered(desk: Desk) -> None:
    redemption_id = await _offered(desk)
    offered = (await steps.seen(desk, redemption_id)).amounts
    assert await _accept(desk, redemption_id) is RedemptionState.approved
    view = await steps.seen(desk, redemption_id)
    assert view.amounts.net == offered.net
    assert [timer.state for timer in view.deadlines] == ["met", "met", "running"]
    await assert_invariants_hold(desk.tenant_id)


async def test_moved_again_is_offered_anew(desk: Desk) -> None:
    redemption_id = await _offered(desk)
    await _publish(desk, "1.09")
    assert await _accept(desk, redemption_id) is RedemptionState.awaiting_client
    view = await steps.seen(desk, redemption_id)
    assert [timer.state for timer in view.deadlines] == ["met", "cancelled", "running"]
    assert await _accept(desk, redemption_id) is RedemptionState.approved
    await assert_invariants_hold(desk.tenant_id)


async def test_unanswered_lapses_and_the_units_come_back(desk: Desk) -> None:
    redemption_id = await _offered(desk)
    await drain()
    await advance(hours=24)
    view = await steps.seen(desk, redemption_id)
    assert view.state is RedemptionState.cancelled
    assert view.timeline[-1].event == "lapsed"
    await assert_invariants_hold(desk.tenant_id)
    assert await steps.request(desk, key="growth")


async def test_answered_in_time_never_lapses(desk: Desk) -> None:
    """The clock's end and the client's answer at once: whichever is first counts."""
    redemption_id = await _offered(desk)
    await _accept(desk, redemption_id)
    async with unit_of_work(tenant=desk.tenant_id, actor=SYSTEM):
        await lapse_redemption(redemption_id=redemption_id)
    assert (await steps.seen(desk, redemption_id)).state is RedemptionState.approved


async def test_can_be_taken_back_instead(desk: Desk) -> None:
    redemption_id = await _offered(desk)
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["member"]):
        await cancel_redemption(redemption_id=redemption_id)
    assert (await steps.seen(desk, redemption_id)).state is RedemptionState.cancelled
    await assert_invariants_hold(desk.tenant_id)


async def test_is_nobody_elses_to_accept(desk: Desk) -> None:
    redemption_id = await _offered(desk)
    with pytest.raises(NotFound):
        await _accept(desk, redemption_id, "member2")
