"""Tenants and the clock: the two global tables of the kernel."""

from __future__ import annotations

from enum import StrEnum

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB


class TenantStatus(StrEnum):
    active = "active"
    suspended = "suspended"


class TenantKind(StrEnum):
    issuer = "issuer"
    sponsor = "sponsor"
    mutual = "mutual"
    investment_manager = "investment_manager"
    fund_manager = "fund_manager"
    analytics = "analytics"


class Tenant(Table, tablename="tenant", db=DB):
    id = columns.identifier(primary_key=True)
    slug = columns.words()
    name = columns.words()
    kind = columns.choice(TenantKind)
    status = columns.choice(TenantStatus)
    time_zone = columns.words()
    locale = columns.words()
    created_at = columns.instant()


class Clock(Table, tablename="clock", db=DB):
    id = columns.whole(primary_key=True)
    offset_seconds = columns.whole()
