"""Clients by tier, KYC and standing, and those who serve them."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from app.domains.investments.values.view import View


class ClientTier(StrEnum):
    standard = "standard"
    premier = "premier"
    institutional = "institutional"


class TierChangeState(StrEnum):
    pending = "pending"
    approved = "approved"
    rejected = "rejected"


class KycState(StrEnum):
    """`pending`: nobody has recorded a check yet. `passed` ends by itself, at its expiry."""

    pending = "pending"
    passed = "passed"
    lapsed = "lapsed"
    refused = "refused"


class Standing(StrEnum):
    good = "good"
    deceased = "deceased"
    sanctioned = "sanctioned"


class PersonsWork(View, frozen=True, kw_only=True):
    """What hangs on one person: clients they serve, requests that wait for them, their own."""

    clients: int
    waiting: int
    own_requests: int


class ManagerOption(View, frozen=True, kw_only=True):
    id: UUID
    name: str


class ClientFound(View, frozen=True, kw_only=True):
    """`in_book`: the viewer may open the client's own page."""

    id: UUID
    name: str
    rm_name: str
    in_book: bool
