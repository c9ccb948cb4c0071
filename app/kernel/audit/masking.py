"""Personal data and secrets, masked before they reach a record that nobody can take back.

A safety net under the caller's own choice of fields: names of people stay, they are what an
audit trail is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SECRET = frozenset(
    {"password", "secret", "token", "access_token", "refresh_token", "code", "cookie", "api_key"}
)
_PERSONAL = frozenset(
    {
        "account_number",
        "address",
        "bank_account",
        "birth_date",
        "date_of_birth",
        "iban",
        "national_id",
        "passport_number",
        "phone",
        "postal_address",
        "tax_id",
        "wallet_address",
    }
)
MASK = "***"


def masked(value: Any) -> Any:
    """`value` with what stands under known keys masked, at any depth."""
    if isinstance(value, Mapping):
        return {key: _masked_field(str(key).lower(), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value


def _masked_field(key: str, value: Any) -> Any:
    if value is None:
        return None
    if key in _SECRET:
        return MASK
    if key == "email" or key.endswith("_email"):
        return mask_email(str(value))
    if key in _PERSONAL:
        return mask_tail(str(value))
    return masked(value)


def mask_email(address: str) -> str:
    """`ada@example.com` as `a***@example.com`."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}{MASK}@{domain}" if at else MASK


def mask_tail(text: str) -> str:
    """The last four characters of `text`, when they are less than half of it."""
    return f"{MASK}{text[-4:]}" if len(text) > 8 else MASK
