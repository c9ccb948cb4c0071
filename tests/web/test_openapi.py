"""The document of the REST interface describes every operation, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.client import Browser


@pytest.fixture
async def document(browser: Browser) -> dict[str, Any]:
    answer = await browser.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_it_holds_the_api_and_no_pages(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    for path in ("/api/v1/me", "/api/v1/auth/login", "/api/v1/ledger/entries/{entry_id}"):
        assert path in document["paths"]


async def test_every_operation_says_what_it_does_and_what_may_go_wrong(
    document: dict[str, Any],
) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            assert {"401", "422", "429"} <= operation["responses"].keys()


async def test_guarded_operations_name_their_permission(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/audit"]["get"]
    assert operation["x-permissions"] == ["audit:read"]
    assert operation["security"] == [{"bearer": []}]
    assert "security" not in document["paths"]["/api/v1/auth/login"]["post"]


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/([\w.\[\]]+)", str(document)):
        assert name in schemas
