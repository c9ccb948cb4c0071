"""Standing in for somebody: for whom, with what, how long."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from app.domains.identity.public import Role, change_role, deactivate_membership
from app.kernel.approvals.operations import delegate, revoke_delegation
from app.kernel.approvals.queries import delegators_of, own_delegations
from app.kernel.database import unit_of_work
from app.kernel.errors import InputInvalid, NotFound
from tests.support.database import TestTenant
from tests.support.desk import Desk, open_desk


@pytest.fixture
async def desk(tenant: TestTenant) -> Desk:
    return await open_desk(tenant_id=tenant.id, slug=tenant.slug)


class TestDelegate:
    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"permissions": []}, "permissions", "NOT_YOURS"),
            ({"permissions": ["redemption:settle"]}, "permissions", "NOT_YOURS"),
            ({"to": "rm"}, "to_membership_id", "YOURSELF"),
            ({"to": "nobody"}, "to_membership_id", "UNKNOWN_MEMBER"),
            ({"days": 61}, "ends_at", "TOO_LONG"),
            ({"days": 0}, "ends_at", "NOT_AFTER_START"),
        ],
    )
    async def test_refuses_naming_field_and_rule(
        self, desk: Desk, changes: dict[str, object], field: str, code: str
    ) -> None:
        given = {"to": "rm2", "permissions": ["redemption:approve"], "days": 1} | changes
        to = desk.people.get(str(given["to"]))
        with pytest.raises(InputInvalid) as refusal:
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]) as unit:
                await delegate(
                    to_membership_id=(to.id if to else None) or uuid4(),
                    permissions=given["permissions"],  # type: ignore[arg-type]
                    starts_at=unit.now,
                    ends_at=unit.now + timedelta(days=given["days"]),  # type: ignore[arg-type]
                )
        assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]

    async def test_can_be_ended_by_who_gave_it_alone(self, desk: Desk) -> None:
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]) as unit:
            delegation_id = await delegate(
                to_membership_id=desk.people["rm2"].id,  # type: ignore[arg-type]
                permissions=["redemption:approve"],
                starts_at=unit.now,
                ends_at=unit.now + timedelta(days=1),
            )
        with pytest.raises(NotFound):
            async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm2"]):
                await revoke_delegation(delegation_id=delegation_id)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm"]):
            await revoke_delegation(delegation_id=delegation_id)
            assert [view.revoked_at is not None for view in await own_delegations()] == [True]

    @pytest.mark.parametrize("loss", ["deactivated", "another role"])
    async def test_ends_with_the_authority_of_who_gave_it(self, desk: Desk, loss: str) -> None:
        manager = desk.people["rm"]
        assert manager.id is not None
        async with unit_of_work(tenant=desk.tenant_id, actor=manager) as unit:
            await delegate(
                to_membership_id=desk.people["rm2"].id,  # type: ignore[arg-type]
                permissions=["redemption:approve"],
                starts_at=unit.now,
                ends_at=unit.now + timedelta(days=1),
            )
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm2"]):
            assert await delegators_of(permission="redemption:approve") == [manager.id]
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["admin"]):
            if loss == "deactivated":
                await deactivate_membership(membership_id=manager.id)
            else:
                await change_role(membership_id=manager.id, role=Role.trader)
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["rm2"]):
            assert await delegators_of(permission="redemption:approve") == []
