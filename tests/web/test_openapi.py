"""The document of the REST interface describes every operation, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from app.kernel.errors import DomainError
from app.web.openapi import handlers
from app.web.refusals import is_undeclared
from app.web.shell import Portal
from tests.architecture.test_docs import field_codes
from tests.support.client import Browser
from tests.support.declared import Undeclared, check_declared, codes_of


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
            wanted = {"429", "503"}
            if "security" in operation:
                wanted |= {"401", "403"}
            if "{" in path:
                wanted |= {"404"}
            if method != "get":
                wanted |= {"400", "413", "415", "422"}
            assert operation.get("summary"), (method, path)
            assert wanted <= operation["responses"].keys(), (method, path)


def test_every_write_declares_its_refusals(portal: Portal) -> None:
    missing = [
        f"{method} {path}: write `refusals=[…]` on its route, the errors that its operation raises,"
        " or `refusals=[]`; CONTRIBUTING.md says how, under “an API route”"
        for path, method, handler in handlers(portal.litestar)
        if path.startswith("/api/v1/") and is_undeclared(handler, method)
    ]
    assert missing == []


def test_what_routes_declare_is_known(portal: Portal) -> None:
    known = field_codes()
    for path, _, handler in handlers(portal.litestar):
        for error in handler.opt.get("refusals", []):
            assert issubclass(error, DomainError), (path, error)
        for field, codes in handler.opt.get("rules", {}).items():
            assert codes and known.issuperset(codes), (path, field, codes)


async def test_refusals_stand_in_the_document_with_their_codes_and_an_example(
    document: dict[str, Any],
) -> None:
    ready = document["paths"]["/api/v1/investments/redemptions/{redemption_id}/ready"]["post"]
    assert codes_of(ready, 409) == ["IDEMPOTENCY_KEY_IN_USE", "REDEMPTION_STATE", "STAGING_TOO_LOW"]
    assert codes_of(ready, 428) == ["IDEMPOTENCY_KEY_REQUIRED"]
    assert ready["x-rules"]["source_account_id"] == ["NOT_A_STAGING_VAULT"]
    example = ready["responses"]["409"]["content"]["application/problem+json"]["example"]
    assert example["code"] == "REDEMPTION_STATE"
    assert example["status"] == 409


class TestCheckDeclared:
    """What fails a test whose route answered something that it does not declare."""

    def answer(self, path: str, status: int, code: str, *errors: dict[str, str]) -> httpx.Response:
        body = {"code": code, "errors": list(errors)}
        request = httpx.Request("POST", f"http://portal/api/v1/investments/redemptions/{path}")
        return httpx.Response(status, json=body, request=request)

    def test_it_names_the_error_to_declare(self) -> None:
        with pytest.raises(Undeclared, match=r"409 JOB_NOT_DEAD.*add JobNotDead to its"):
            check_declared(self.answer("1/ready", 409, "JOB_NOT_DEAD"))

    def test_it_names_the_rule_to_declare(self) -> None:
        error = {"field": "note", "code": "YOURSELF", "message": ""}
        with pytest.raises(Undeclared, match=r"rules=\{\"note\": \[\"YOURSELF\"\]\}"):
            check_declared(self.answer("1/ready", 422, "INPUT_INVALID", error))

    def test_it_lets_pass_what_is_declared(self) -> None:
        error = {"field": "note", "code": "TOO_LONG", "message": ""}
        check_declared(self.answer("1/ready", 422, "INPUT_INVALID", error))
        check_declared(self.answer("quote", 409, "NOTHING_TO_REDEEM"))


async def test_guarded_operations_name_their_permission(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/audit"]["get"]
    assert operation["x-permissions"] == ["audit:read"]
    assert operation["security"] == [{"bearer": []}]
    assert "security" not in document["paths"]["/api/v1/auth/login"]["post"]


async def test_every_list_goes_by_pages(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        schema = operations.get("get", {"responses": {}})["responses"].get("200", {})
        reference = schema.get("content", {}).get("application/json", {}).get("schema", {})
        data = resolved(document, reference).get("properties", {}).get("data", {})
        if data.get("type") == "array" and path != "/api/v1/verify":  # a report: it is read whole
            names = {parameter["name"] for parameter in operations["get"]["parameters"]}
            assert {"limit", "cursor"} <= names, (
                f"GET {path}: take `limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None` and answer"
                " with `page_of`; app/web/api.py has all three"
            )


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, schema)
    return found


async def test_a_body_that_refuses_unknown_fields_says_so(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("ReadyBody", "NoteBody", "ClockBody", "DecisionBody"):
        assert schemas[name]["additionalProperties"] is False, name
    assert "additionalProperties" not in schemas["Money"]


async def test_a_body_that_may_be_left_out_says_so(document: dict[str, Any]) -> None:
    step = "/api/v1/investments/redemptions/{{redemption_id}}/{}".format
    for name, required in (("approve", False), ("clear", False), ("reject", True)):
        operation = document["paths"][step(name)]["post"]
        assert operation["requestBody"]["required"] is required, name


async def test_no_parameter_may_be_null(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert '"null"' not in json.dumps(operation.get("parameters", [])), path


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/([\w.\[\]]+)", str(document)):
        assert name in schemas
