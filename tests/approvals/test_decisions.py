"""Deciding by more than one: quorum, stages, once each, and nothing after the end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.kernel.actors import Actor
from app.kernel.approvals.operations import (
    AlreadyDecided,
    ApprovalClosed,
    OwnRequest,
    cancel_approval,
    decide,
    reassign_stage,
    request_approval,
)
from app.kernel.approvals.queries import approval
from app.kernel.approvals.subjects import register_subject
from app.kernel.approvals.values import ApprovalState, Decision, Outcome, Policy, Stage
from app.kernel.database import unit_of_work
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from tests.support.database import TestTenant, a_person
from tests.support.desk import standing_in

MAY = "test:decide"
TWO_OF_THEM = Policy(
    stages=[Stage(name="Both", permission=MAY, quorum=2), Stage(name="Last", permission=MAY)]
)
_outcomes: list[Outcome] = []


async def _lock(subject_id: UUID) -> UUID:
    return subject_id


async def _decided(outcome: Outcome, _: Any) -> None:
    _outcomes.append(outcome)


register_subject("test.paper", lock=_lock, decided=_decided)


def _someone(name: str) -> Actor:
    return standing_in(a_person(name), permissions=frozenset({MAY}))


async def _asked(tenant: TestTenant, by: Actor) -> UUID:
    async with unit_of_work(tenant=tenant.id, actor=by):
        return await request_approval(
            subject_kind="test.paper", subject_id=new_id(), policy=TWO_OF_THEM
        )


async def _decide(
    tenant: TestTenant, approval_id: UUID, by: Actor, decision: Decision = Decision.approve
) -> tuple[ApprovalState, int]:
    async with unit_of_work(tenant=tenant.id, actor=by):
        outcome = await decide(approval_id=approval_id, decision=decision, note="Not like this")
    assert outcome is not None
    return outcome.state, outcome.stage


async def test_a_stage_waits_for_its_quorum_and_the_last_one_decides(tenant: TestTenant) -> None:
    _outcomes.clear()
    ada, ben, eve = _someone("Ada"), _someone("Ben"), _someone("Eve")
    approval_id = await _asked(tenant, ada)
    with pytest.raises(OwnRequest):
        await _decide(tenant, approval_id, ada)
    assert await _decide(tenant, approval_id, ben) == (ApprovalState.pending, 0)
    with pytest.raises(AlreadyDecided):
        await _decide(tenant, approval_id, ben)
    assert await _decide(tenant, approval_id, eve) == (ApprovalState.pending, 1)
    assert _outcomes == []
    assert await _decide(tenant, approval_id, _someone("Joe")) == (ApprovalState.approved, 1)
    assert [outcome.state for outcome in _outcomes] == [ApprovalState.approved]
    async with unit_of_work(tenant=tenant.id, actor=ada):
        view = await approval(approval_id=approval_id)
    assert [(one.name, one.stage) for one in view.decisions] == [("Ben", 0), ("Eve", 0), ("Joe", 1)]


async def test_one_of_a_quorum_can_end_it(tenant: TestTenant) -> None:
    _outcomes.clear()
    approval_id = await _asked(tenant, _someone("Ada"))
    rejected = (ApprovalState.rejected, 0)
    assert await _decide(tenant, approval_id, _someone("Ben"), Decision.reject) == rejected
    assert [outcome.note for outcome in _outcomes] == ["Not like this"]


async def test_what_is_decided_is_neither_taken_back_nor_given_to_others(
    tenant: TestTenant,
) -> None:
    ada, eve = _someone("Ada"), _someone("Eve")
    approval_id = await _asked(tenant, ada)
    await _decide(tenant, approval_id, _someone("Ben"), Decision.reject)
    async with unit_of_work(tenant=tenant.id, actor=ada):
        with pytest.raises(ApprovalClosed):
            await cancel_approval(approval_id=approval_id)
        with pytest.raises(ApprovalClosed):
            await reassign_stage(approval_id=approval_id, approvers=[new_id()], reason="Away")
    with pytest.raises(ApprovalClosed):
        await _decide(tenant, approval_id, eve)


async def test_nothing_is_approved_by_nobody(tenant: TestTenant) -> None:
    """A policy whose stages are all for larger amounts would be approved as soon as it is asked."""
    for_more = Policy(stages=[Stage(name="Large", permission=MAY, threshold=Decimal("100"))])
    async with unit_of_work(tenant=tenant.id, actor=_someone("Ada")):
        for amount in (None, Decimal("99.99")):
            with pytest.raises(ValueError, match="at least one stage"):
                await request_approval(
                    subject_kind="test.paper", subject_id=new_id(), policy=for_more, amount=amount
                )
        assert await request_approval(
            subject_kind="test.paper",
            subject_id=new_id(),
            policy=for_more,
            amount=Decimal("100"),
        )


async def test_of_what_is_not_there(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=_someone("Ada")):
        with pytest.raises(NotFound):
            await approval(approval_id=new_id())
        with pytest.raises(NotFound):
            await decide(approval_id=new_id(), decision=Decision.approve, note="")
