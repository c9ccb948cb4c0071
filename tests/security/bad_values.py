"""What no field should take, bodies that would do, and the form that every refusal has."""

from __future__ import annotations

import random
from typing import Any

import httpx

from tests.security.seats import API
from tests.support.desk import Desk

REST = f"{API}/investments"
LONG = random.Random(1).randbytes(25_000).hex()
LEFT_OUT = "(left out)"
NOT_THERE = "019abf6b-2c1e-7d0f-8f3d-3a2b1c0d9e8f"
# With the rule that refuses each, whichever field it stands in.
BAD_NUMBERS = {
    "0": "NOT_POSITIVE",
    "0.00": "NOT_POSITIVE",
    "-0": "NOT_POSITIVE",
    "-1": "NOT_POSITIVE",
    **dict.fromkeys(
        [
            *("NaN", "sNaN", "Infinity", "-Infinity", "1e5", "1E-2", "1_000", "1,000", "+1", "1."),
            *(".5", "0x10", "", " ", "1 000", "١٢٣", "１２", "1٫5", "²", "½", "true", "1\n2"),
            *("'; DROP TABLE redemption; --", "{{ 7 * 7 }}", "9" * 40, "1" * 50_000),
        ],
        "NOT_A_NUMBER",
    ),
    "0." + "0" * 18 + "1": "TOO_MANY_DECIMALS",
    "1.123456789": "TOO_MANY_DECIMALS",
}
BEYOND = {
    "units": ("50000.00000001", "INSUFFICIENT_UNITS"),
    "fraction": ("1.00000001", "MORE_THAN_ALL"),
    "amount": ("50000.01", "INSUFFICIENT_UNITS"),
}


def refusal_of(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, field and rule of a problem, once it has been found to be a proper one."""
    if answer.headers["content-type"] != "application/problem+json":
        return answer.status_code, "(no problem)", answer.text[:200]
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"] and problem["code"].isupper()
    first = problem["errors"][0] if problem["errors"] else {"field": "", "code": ""}
    return answer.status_code, first["field"], first["code"]


def request_body(desk: Desk, **changes: Any) -> dict[str, Any]:
    return {
        "subscription_id": str(desk.subscriptions["member", "yield"]),
        "destination_id": str(desk.destinations["member", "yield"]),
    } | changes


def deposit_body(desk: Desk, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(desk.clients["member"]),
        "staging_account_id": str(desk.staging["yield"]),
        "amount": "1500.00",
        "transaction_reference": "a transfer",
    } | changes


def destination_body(**changes: Any) -> dict[str, Any]:
    return {
        "label": "Wallet",
        "kind": "wallet",
        "asset": "USDT",
        "address": "0x0123456789abcdef0123456789abcdef01234567",
        "network": "ethereum",
    } | changes
