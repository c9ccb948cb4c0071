"""REST over the kernel: who may ask, and what comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.kernel.ids import new_id
from app.settings import Environment, settings
from app.web import kernel_api
from app.web.shell import Portal
from tests.support.client import add_person, api_client
from tests.support.database import TestTenant

ASKS = {
    "/api/v1/ledger/accounts": {"operations", "compliance"},
    "/api/v1/approvals": {"rm", "operations", "compliance"},
    "/api/v1/deadlines": {"rm", "trader", "operations", "compliance"},
    "/api/v1/audit": {"compliance"},
    "/api/v1/audit/verify": {"compliance"},
    "/api/v1/verify": {"operations", "compliance", "admin"},
}
ROLES = ["member", "rm", "trader", "operations", "compliance", "admin"]


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_what_it_may_and_nothing_else(
    portal: Portal, tenant: TestTenant, role: str
) -> None:
    person = await add_person(tenant.id, role)
    async with api_client(portal, tenant.slug, person.email) as client:
        for path, allowed in ASKS.items():
            answer = await client.get(path)
            assert answer.status_code == (200 if role in allowed else 403), (path, answer.text)
            if answer.status_code == 200:
                body = answer.json()
                assert body["links"]["self"] == path
                assert body["meta"]["version"] == "v1"


async def test_the_audit_trail_shows_the_sign_in(portal: Portal, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "compliance")
    async with api_client(portal, tenant.slug, person.email) as client:
        found = (await client.get(f"/api/v1/audit?subject={person.membership_id}")).json()["data"]
        assert [row["action"] for row in found] == ["token.issue", "membership.add"]
        page = (await client.get("/api/v1/audit?limit=1")).json()
        assert page["meta"]["page"]["next_cursor"]
        assert (await client.get(page["links"]["next"])).status_code == 200
        assert (await client.get("/api/v1/audit?from=2026-01-01T00:00:00")).status_code == 422
        assert (await client.get("/api/v1/audit?from=2026-01-01T00:00:00Z")).status_code == 200
        report = (await client.get("/api/v1/audit/verify")).json()["data"]
        assert report["ok"] is True


async def test_another_tenants_records_are_not_shown(
    portal: Portal, tenant: TestTenant, new_tenant: Any
) -> None:
    other = await new_tenant()
    await add_person(other.id, "rm")
    person = await add_person(tenant.id, "compliance")
    async with api_client(portal, tenant.slug, person.email) as client:
        found = (await client.get("/api/v1/audit?limit=200")).json()["data"]
    assert {row["subject_id"] for row in found} == {str(person.membership_id)}


class TestDecisions:
    async def test_an_approval_that_is_not_there(self, portal: Portal, tenant: TestTenant) -> None:
        person = await add_person(tenant.id, "rm")
        async with api_client(portal, tenant.slug, person.email) as client:
            path = f"/api/v1/approvals/{new_id()}/decisions"
            body = {"decision": "approve"}
            answer = await client.post(path, json=body)
            assert answer.status_code == 428
            assert answer.json()["code"] == "IDEMPOTENCY_KEY_REQUIRED"
            key = {"Idempotency-Key": new_id().hex}
            assert (await client.post(path, json=body, headers=key)).status_code == 404
            bad = await client.post(path, json={"decision": "maybe"}, headers=key)
            assert bad.status_code == 422

    async def test_a_client_decides_nothing(self, portal: Portal, tenant: TestTenant) -> None:
        person = await add_person(tenant.id, "member")
        async with api_client(portal, tenant.slug, person.email) as client:
            answer = await client.post(
                f"/api/v1/approvals/{new_id()}/decisions",
                json={"decision": "approve"},
                headers={"Idempotency-Key": "k"},
            )
        assert answer.status_code == 403


class TestClock:
    async def test_an_administrator_moves_it_once_for_each_key(
        self, portal: Portal, tenant: TestTenant
    ) -> None:
        person = await add_person(tenant.id, "admin")
        async with api_client(portal, tenant.slug, person.email) as client:
            key = {"Idempotency-Key": new_id().hex}
            body = {"advance_seconds": 3600}
            first = await client.post("/api/v1/demo/clock", json=body, headers=key)
            again = await client.post("/api/v1/demo/clock", json=body, headers=key)
            assert first.status_code == again.status_code == 200
            assert first.content == again.content
            assert first.headers["content-type"] == again.headers["content-type"]
            other = await client.post(
                "/api/v1/demo/clock", json={"advance_seconds": 1}, headers=key
            )
            assert other.status_code == 422
            assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
            for bad in (0, -1, 10**12, 1.5, "soon", None):
                answer = await client.post("/api/v1/demo/clock", json={"advance_seconds": bad})
                assert answer.status_code == 422, bad

    async def test_it_is_not_there_in_production(
        self, portal: Portal, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person = await add_person(tenant.id, "admin")
        async with api_client(portal, tenant.slug, person.email) as client:
            production = msgspec.structs.replace(settings(), environment=Environment.production)
            monkeypatch.setattr(kernel_api, "settings", lambda: production)
            answer = await client.post("/api/v1/demo/clock", json={"advance_seconds": 1})
        assert answer.status_code == 404

    async def test_others_may_not(self, portal: Portal, tenant: TestTenant) -> None:
        person = await add_person(tenant.id, "operations")
        async with api_client(portal, tenant.slug, person.email) as client:
            answer = await client.post("/api/v1/demo/clock", json={"advance_seconds": 1})
        assert answer.status_code == 403
