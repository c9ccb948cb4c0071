"""Hex Safe's REST protocol, version 1, said once: its messages and how requests are signed.

Amounts are strings of plain digits. Errors are `{"error": {"code", "message"}}` with 400, 404, 409
(another body under a used Idempotency-Key) or 422 (refused); they mean that nothing was executed.
A key that met a 422 meets it again, whatever has changed: a refusal is final.

    GET  /v1/vaults/{reference}/balances
    POST /v1/withdrawals                     with Idempotency-Key
    GET  /v1/withdrawals/{id}
    GET  /v1/withdrawals?idempotency_key=…
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Literal

import msgspec

KEY_HEADER = "X-Api-Key"
TIMESTAMP_HEADER = "X-Timestamp"
SIGNATURE_HEADER = "X-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
# A signed request is accepted this long; a replay within it is harmless, because of its key.
TIMESTAMP_SKEW_SECONDS_MAX = 60
KEY_CHARACTERS_MIN = 12


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """An API key. The key itself never travels: requests name its fingerprint and are signed."""

    id: str
    secret: str

    @classmethod
    def of(cls, api_key: str) -> Credential:
        """Raises `ValueError` for a key too short to be one; never repeats it."""
        if len(api_key) < KEY_CHARACTERS_MIN:
            raise ValueError(f"CUSTODY_API_KEY needs {KEY_CHARACTERS_MIN} characters or more")
        return cls(id=hashlib.sha256(api_key.encode()).hexdigest()[:16], secret=api_key)


class WireBalance(msgspec.Struct, frozen=True):
    asset: str
    available: str


class WireVault(msgspec.Struct, frozen=True):
    reference: str
    balances: list[WireBalance]
    read_at: datetime


class WireInstruction(msgspec.Struct, frozen=True):
    source_reference: str
    destination_address: str
    network: str | None
    asset: str
    amount: str


class WireWithdrawal(msgspec.Struct, frozen=True):
    id: str
    idempotency_key: str
    source_reference: str
    destination_address: str
    network: str | None
    asset: str
    amount: str
    network_fee: str
    state: Literal["submitted", "confirmed", "failed"]
    reason: str
    created_at: datetime


class WireWithdrawals(msgspec.Struct, frozen=True):
    withdrawals: list[WireWithdrawal]


class WireErrorBody(msgspec.Struct, frozen=True):
    code: str
    message: str


class WireError(msgspec.Struct, frozen=True):
    error: WireErrorBody


def sign(
    *,
    secret: str,
    timestamp: str,
    method: str,
    target: str,
    idempotency_key: str,
    body: bytes,
) -> str:
    """HMAC-SHA256 in hexadecimal over these, a line each; `target` is path and query as sent."""
    lines = (
        timestamp,
        method,
        target,
        idempotency_key,
        hashlib.sha256(body).hexdigest(),
    )
    return hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
