"""Another tier for a client: operations ask, compliance decides, the limits follow."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.domains.investments.client_values import ScreeningView
from app.domains.investments.operations.client_tier_decide import NoTierChange, decide_tier
from app.domains.investments.operations.client_tier_request import TierChangePending, request_tier
from app.domains.investments.queries.desks import compliance_page
from app.domains.investments.queries.screening import screening
from app.domains.investments.values import ClientTier
from app.kernel.approvals.operations import NotYourDecision, decide
from app.kernel.approvals.values import Decision
from app.kernel.database import fetch_value, unit_of_work
from app.kernel.errors import DomainError, InputInvalid, NotFound
from app.web.shell import Portal
from tests.security.seats import open_seats
from tests.security.traces import nothing_written
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk, standing_in
from tests.support.drain import drain


async def ask(desk: Desk, tier: str = "premier", *, note: str = "Grew") -> UUID:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
        return await request_tier(
            client_id=desk.clients["member"], tier=ClientTier(tier), note=note
        )


async def settle(desk: Desk, decision: str = "approve", *, note: str = "Known") -> None:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
        await decide_tier(client_id=desk.clients["member"], decision=Decision(decision), note=note)


async def seen(desk: Desk, *, by: str = "compliance") -> ScreeningView:
    async with unit_of_work(tenant=desk.tenant_id, actor=desk.people[by]):
        return await screening(client_id=desk.clients["member"])


class TestRequestTier:
    async def test_changes_nothing_until_it_is_approved(self, desk: Desk) -> None:
        await ask(desk)
        view = await seen(desk)
        assert view.screening.tier is ClientTier.standard
        assert view.pending is not None
        assert (view.pending.after, view.pending.requested_by) == (ClientTier.premier, "Ops")
        assert "decide_tier" in view.can
        assert "decide_tier" not in (await seen(desk, by="ops")).can
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["compliance"]):
            waiting = (await compliance_page(time_zone="UTC")).tier_changes
        assert [change.id for change in waiting] == [view.pending.id]
        await settle(desk)
        view = await seen(desk)
        assert (view.screening.tier, view.pending) == (ClientTier.premier, None)
        assert [change.what for change in view.history] == ["Tier", "Tier asked for"]
        await drain()

    async def test_is_refused_and_writes_nothing(self, desk: Desk, database: DatabaseUrls) -> None:
        async with nothing_written(database, desk):
            with pytest.raises(InputInvalid):
                await ask(desk, "standard")
            with pytest.raises(InputInvalid):
                await ask(desk, note=" ")
        await ask(desk)
        async with nothing_written(database, desk):
            with pytest.raises(TierChangePending):
                await ask(desk, "institutional")

    async def test_twenty_at_once_are_one(self, desk: Desk) -> None:
        answers = await asyncio.gather(*(ask(desk) for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(answer, UUID) for answer in answers) == 1
        assert sum(isinstance(answer, TierChangePending) for answer in answers) == 19

    async def test_of_another_tenants_client_is_not_there(self, desk: Desk, stranger: Desk) -> None:
        with pytest.raises(NotFound):
            async with unit_of_work(tenant=stranger.tenant_id, actor=stranger.people["ops"]):
                await request_tier(
                    client_id=desk.clients["member"], tier=ClientTier.premier, note="Grew"
                )


class TestDecideTier:
    async def test_rejected_leaves_the_tier_and_can_be_asked_anew(self, desk: Desk) -> None:
        await ask(desk)
        with pytest.raises(InputInvalid):
            await settle(desk, "reject", note="")
        await settle(desk, "reject", note="Too soon")
        assert (await seen(desk)).screening.tier is ClientTier.standard
        with pytest.raises(NoTierChange):
            await settle(desk)
        await ask(desk)
        await settle(desk)
        assert (await seen(desk)).screening.tier is ClientTier.premier

    async def test_twenty_at_once_have_one_effect(self, desk: Desk) -> None:
        await ask(desk)
        answers = await asyncio.gather(
            *(settle(desk, "approve" if n % 2 else "reject") for n in range(20)),
            return_exceptions=True,
        )
        assert answers.count(None) == 1
        assert sum(isinstance(answer, DomainError) for answer in answers) == 19
        async with unit_of_work(tenant=desk.tenant_id, actor=desk.people["ops"]):
            assert await fetch_value("SELECT count(*) FROM approval_decision") == 1

    async def test_is_not_for_who_asked_nor_for_a_manager(
        self, desk: Desk, database: DatabaseUrls
    ) -> None:
        await ask(desk)
        pending = (await seen(desk)).pending
        assert pending is not None
        operations = desk.people["ops"]
        both = standing_in(operations, permissions=operations.permissions | {"tier:approve"})
        async with nothing_written(database, desk):
            for actor in (operations, both, desk.people["rm"]):
                wanted = NotFound if actor.role == "rm" else DomainError
                with pytest.raises(wanted) as refused:
                    async with unit_of_work(tenant=desk.tenant_id, actor=actor):
                        await decide(
                            approval_id=pending.approval_id, decision=Decision.approve, note=""
                        )
                assert actor is not operations or refused.type is NotYourDecision
                assert actor is not both or refused.value.args == (
                    "Nobody decides on their own request",
                )

    async def test_by_page_and_by_rest(self, desk: Desk, portal: Portal) -> None:
        path = f"/clients/{desk.clients['member']}"
        async with open_seats(portal) as seats:
            operations, compliance = await seats.of(desk, "ops"), await seats.of(desk, "compliance")
            assert "Ask for another tier" in (await operations.get(f"{path}/standing")).text
            form = {"tier": "premier", "note": "Grew a lot"}
            assert (await operations.post(f"{path}/tier", form)).status_code == 303
            again = await operations.post(f"{path}/tier", form)
            assert again.status_code == 409 and "waits for compliance already" in again.text
            assert "Grew a lot" in (await compliance.get("/approvals")).text
            assert "Approve premier" in (await compliance.get(f"{path}/standing")).text
            refused = await compliance.post(f"{path}/tier/reject", {"note": ""})
            assert refused.status_code == 422
            approved = await compliance.post(f"{path}/tier/approve", {"note": ""})
            assert approved.status_code == 303
            rest = f"/api/v1/investments{path}"
            asked = await operations.post(f"{rest}/tier", {"tier": "institutional", "note": "Fund"})
            change = asked.json()["data"]["tier_change"]
            assert (asked.json()["data"]["tier"], change["tier"]) == ("premier", "institutional")
            records = (await compliance.get("/approval-records")).text
            assert f"{path}/standing" in records and "Tier change" in records
            decided = await compliance.post(
                f"/api/v1/approvals/{change['approval_id']}/decisions", {"decision": "approve"}
            )
            assert decided.status_code == 200
            shown = (await compliance.get(f"{rest}/standing")).json()["data"]
            assert (shown["tier"], shown["tier_change"]) == ("institutional", None)
