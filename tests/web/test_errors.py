"""What goes wrong, in the form that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.kernel.ids import new_id
from app.web.shell import Portal
from tests.support.client import Browser, add_person, api_client, sign_in
from tests.support.database import DatabaseUrls, TestTenant, connected


async def test_a_missing_page_is_a_page(browser: Browser) -> None:
    answer = await browser.get("/nothing-here")
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert answer.headers["x-request-id"] in answer.text


async def test_a_missing_address_of_the_api_is_a_problem(browser: Browser) -> None:
    answer = await browser.get("/api/v1/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "NOT_FOUND"


async def test_a_fragment_gets_a_fragment(browser: Browser, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "member")
    await sign_in(browser, tenant.slug, person.email)
    answer = await browser.get("/approvals", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "<html" not in answer.text


async def test_nobody_is_sent_to_sign_in_and_back(browser: Browser) -> None:
    answer = await browser.get("/redemptions?state=approved")
    assert answer.status_code == 303
    assert answer.headers["location"] == ("/auth/sign-in?next=%2Fredemptions%3Fstate%3Dapproved")


async def test_a_fragment_for_nobody_says_where_to_go(browser: Browser) -> None:
    answer = await browser.get("/redemptions", headers={"X-Block": "rows"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/auth/sign-in"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"tenant": 1}', "application/json", 422),
        ("[]", "application/json", 422),
        ("a=b", "application/x-www-form-urlencoded", 415),
        ("{}", "text/plain", 415),
        ('{"tenant": "a\\u0000", "email": "b", "password": "c"}', "application/json", 422),
        ("\xff", "application/json", 400),
        ("x" * 70_000, "application/json", 413),
    ],
)
async def test_bad_input_is_refused_and_never_a_500(
    browser: Browser, body: str, content_type: str, status: int
) -> None:
    answer = await browser.post(
        "/api/v1/auth/login",
        content=body.encode("latin-1"),
        headers={"Content-Type": content_type},
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_invalid_fields_are_named(browser: Browser) -> None:
    answer = await browser.post("/api/v1/auth/login", json={"tenant": "a", "email": 3})
    assert answer.status_code == 422
    assert answer.json()["errors"]


class TestPaths:
    async def test_a_malformed_identifier_is_not_there(
        self, portal: Portal, tenant: TestTenant
    ) -> None:
        person = await add_person(tenant.id, "operations")
        async with api_client(portal, tenant.slug, person.email) as client:
            for bad in ("x", "0", "%00", new_id().hex[:-1] + "g"):
                answer = await client.get(f"/api/v1/ledger/entries/{bad}")
                assert answer.status_code == 404, bad
            answer = await client.get(f"/api/v1/ledger/entries/{new_id()}")
            assert answer.status_code == 404

    async def test_queries_are_validated(self, portal: Portal, tenant: TestTenant) -> None:
        person = await add_person(tenant.id, "operations")
        async with api_client(portal, tenant.slug, person.email) as client:
            for query in ("limit=0", "limit=x", "limit=201", "cursor=zz", "owner=%00", "book=1"):
                answer = await client.get(f"/api/v1/ledger/accounts?{query}")
                assert answer.status_code == 422, query
            answer = await client.get("/api/v1/approvals?state=nonsense")
            assert answer.status_code == 422


async def test_a_full_disk_is_a_503_and_writes_nothing(
    portal: Portal, tenant: TestTenant, database: DatabaseUrls
) -> None:
    person = await add_person(tenant.id, "rm")
    other = await add_person(tenant.id, "rm")
    lent = {
        "to_membership_id": str(other.membership_id),
        "permissions": ["redemption:approve"],
        "starts_at": "2099-01-01T00:00:00Z",
        "ends_at": "2099-01-02T00:00:00Z",
    }
    async with api_client(portal, tenant.slug, person.email) as client:
        async with _full(database, "delegation", tenant):
            answer = await client.post("/api/v1/delegations", json=lent)
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert answer.headers["retry-after"]
        assert (await client.get("/api/v1/delegations")).json()["data"] == []
        assert (await client.post("/api/v1/delegations", json=lent)).status_code == 201


@asynccontextmanager
async def _full(database: DatabaseUrls, table: str, tenant: TestTenant) -> AsyncIterator[None]:
    """PostgreSQL has no room for another row of this tenant there."""
    name = f"full_{tenant.id.hex}"
    async with connected(database.admin) as admin:
        await admin.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'could not extend file: No space left on device'"
            " USING ERRCODE = 'disk_full'; END $$;"
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW"
            f" WHEN (NEW.tenant_id = '{tenant.id}') EXECUTE FUNCTION {name}()"
        )
        try:
            yield
        finally:
            await admin.execute(f"DROP FUNCTION {name} CASCADE")
