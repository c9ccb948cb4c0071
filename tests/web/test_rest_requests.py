"""What the REST interface does with a request before any handler: methods, and the query's letter."""

from __future__ import annotations

from typing import Any

import pytest

from app.kernel.ids import new_id
from app.web.openapi import document
from app.web.shell import Portal
from tests.support.client import Browser, add_person, api_client
from tests.support.database import TestTenant

PATHS = sorted(document()["paths"].items())


@pytest.mark.parametrize(("path", "operations"), PATHS)
async def test_options_and_405_name_exactly_the_methods_of_the_document(
    browser: Browser, path: str, operations: dict[str, Any]
) -> None:
    address = path
    for name in operations[min(operations)].get("parameters", []):
        if name["in"] == "path":
            address = address.replace(f"{{{name['name']}}}", str(new_id()))
    methods = {method.upper() for method in operations}
    options = await browser.options(address)
    assert options.status_code == 204
    assert set(options.headers["allow"].split(", ")) == methods | {"OPTIONS"}
    refused = await browser.patch(address)
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == methods | {"OPTIONS"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("owner=null", "owner"),
        ("owner=NULL", "owner"),
        ("limit=1&limit=2", "limit"),
        ("cursor=a&cursor=b", "cursor"),
        ("limit=null", "limit"),
    ],
)
async def test_a_query_says_what_it_means(
    portal: Portal, tenant: TestTenant, query: str, field: str
) -> None:
    person = await add_person(tenant.id, "operations")
    async with api_client(portal, tenant.slug, person.email) as client:
        answer = await client.get(f"/api/v1/ledger/accounts?{query}")
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
        (field, "INVALID")
    ]


@pytest.mark.parametrize("instant", ["0.5", "1700000000", "null", "-1", "now"])
async def test_an_instant_is_written_out(portal: Portal, tenant: TestTenant, instant: str) -> None:
    person = await add_person(tenant.id, "compliance")
    async with api_client(portal, tenant.slug, person.email) as client:
        answer = await client.get(f"/api/v1/audit?from={instant}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "from"
        right = await client.get("/api/v1/audit?from=2026-01-01T00:00:00Z")
        assert right.status_code == 200


async def test_a_text_may_be_null(portal: Portal, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "operations")
    async with api_client(portal, tenant.slug, person.email) as client:
        assert (await client.get("/api/v1/investments/clients?q=null")).status_code == 200


async def test_what_is_unknown_in_a_query_is_left_alone(portal: Portal, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "operations")
    async with api_client(portal, tenant.slug, person.email) as client:
        answer = await client.get("/api/v1/ledger/accounts?utm=1&utm=null")
    assert answer.status_code == 200


async def test_an_empty_idempotency_key_is_none_of_ours(portal: Portal, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "admin")
    async with api_client(portal, tenant.slug, person.email) as client:
        for key, status in (("", 422), ("k" * 256, 422), ("k" * 255, 200)):
            answer = await client.post(
                "/api/v1/demo/clock",
                json={"advance_seconds": 1},
                headers={"Idempotency-Key": key},
            )
            assert answer.status_code == status, answer.text
            if status == 422:
                error = answer.json()["errors"][0]
                assert (error["field"], error["code"]) == ("idempotency_key", "LENGTH")
