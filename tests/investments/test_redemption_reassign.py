"""Operations give a request to another manager: who decides then, and who no longer."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.domains.investments.operations.redemption_reassign import reassign_redemption
from app.domains.investments.operations.redemption_trail import WrongState
from app.domains.investments.values import RedemptionState
from app.kernel.approvals.operations import NotYourDecision
from app.kernel.database import unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from tests.investments import steps
from tests.support.desk import Desk
from tests.support.invariants import assert_invariants_hold


async def _reassign(desk: Desk, redemption_id: UUID, to: str = "rm2", note: str = "Ill") -> None:
    to_membership_id = desk.people[to].id
    assert to_membership_id is not None
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        await reassign_redemption(
            redemption_id=redemption_id, to_membership_id=to_membership_id, note=note
        )


async def test_the_new_manager_decides_and_the_old_one_cannot(desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    with pytest.raises(NotFound):
        await steps.seen(desk, redemption_id, by="rm2")
    await _reassign(desk, redemption_id)
    assert "approve" in (await steps.seen(desk, redemption_id, by="rm2")).can
    assert "approve" not in (await steps.seen(desk, redemption_id, by="rm")).can
    with pytest.raises(NotYourDecision):
        await steps.decide(desk, redemption_id, by="rm")
    await steps.decide(desk, redemption_id, by="rm2")
    view = await steps.seen(desk, redemption_id)
    assert view.state is RedemptionState.approved
    assert [event.event for event in view.timeline] == ["requested", "reassigned", "approved"]
    await assert_invariants_hold(desk.tenant_id)


@pytest.mark.parametrize(
    ("to", "note", "field"),
    [
        ("rm", "Ill", "to_membership_id"),
        ("trader", "Ill", "to_membership_id"),
        ("member", "Ill", "to_membership_id"),
        ("rm2", " ", "note"),
    ],
)
async def test_refuses_who_is_no_other_manager_and_no_reason(
    desk: Desk, to: str, note: str, field: str
) -> None:
    redemption_id = await steps.request(desk)
    with pytest.raises(InputInvalid) as refusal:
        await _reassign(desk, redemption_id, to, note)
    assert refusal.value.errors[0].field == field


async def test_of_a_decided_one_is_refused(desk: Desk) -> None:
    redemption_id = await steps.request(desk)
    await steps.decide(desk, redemption_id)
    with pytest.raises(WrongState):
        await _reassign(desk, redemption_id)
