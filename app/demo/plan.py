"""The plan of a demo: who comes when, what they buy, what they ask back and what becomes of it.

Pure: the same scale and the same `now` give the same plan, to the second. Times are instants; a plan
says what people do, the real operations decide what comes of it, and `Request.ends` is what should.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from app.demo.products import ZONE, DemoProduct
from app.domains.investments.public import ClientTier, RedemptionState


class Record(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Destination(Record, frozen=True, kw_only=True):
    label: str
    asset: str
    network: str
    address: str


class Client(Record, frozen=True, kw_only=True):
    """`login` is set for the demo's own people, who have an account already. `is_large`: what they
    redeem is more than a manager decides alone."""

    key: str
    name: str
    email: str
    country: str
    manager: str
    tier: ClientTier
    opened_at: datetime
    kyc_expires_at: datetime
    destinations: Sequence[Destination]
    is_large: bool = False
    login: str | None = None


class Deposit(Record, frozen=True, kw_only=True):
    """Confirmed in the vault, it becomes units at the next cutoff."""

    key: str
    client: str
    product: str
    amount: Decimal
    months: int
    confirmed_at: datetime
    issued_at: datetime


class Nav(Record, frozen=True, kw_only=True):
    product: str
    nav_per_unit: Decimal
    as_of: datetime
    published_at: datetime


class Custodian(StrEnum):
    """What the custodian makes of a payout."""

    pays = "pays"
    refuses = "refuses"
    is_slow = "is_slow"  # it is on its way, and not confirmed yet


class Request(Record, frozen=True, kw_only=True):
    """A redemption and what people do about it. A step without a time has not been taken yet.

    Steps that the course of things does not call for are not taken: nobody answers what was not
    offered, compliance decides where it is asked. What is decided late is settled later by as much.
    """

    key: str
    deposit: str
    requested_at: datetime
    fraction: str | None  # of what is free; none is all of it
    ends: RedemptionState
    reassigned_at: datetime | None = None
    decided_at: datetime | None = None
    is_approved: bool = True
    cleared_after: timedelta | None = timedelta(hours=2)
    is_cleared: bool = True
    answered_after: timedelta | None = timedelta(hours=3)
    is_accepted: bool = True
    cancelled_at: datetime | None = None
    held_at: datetime | None = None
    resumed_at: datetime | None = None
    given_up_at: datetime | None = None
    ready_after: timedelta | None = None  # from the approval
    custodian: Custodian = Custodian.pays
    retried_after: timedelta | None = None  # from the failure
    is_sent: bool = True
    note: str = ""  # of the decision, or of the hold


class Plan(Record, frozen=True, kw_only=True):
    now: datetime
    days: int
    products: Sequence[DemoProduct]
    clients: Sequence[Client]
    deposits: Sequence[Deposit]
    navs: Sequence[Nav]
    requests: Sequence[Request]


class Calendar:
    """Days of the products' zone, counted back from the day of `now`, and its office hours."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.zone = ZoneInfo(ZONE)
        self.today = now.astimezone(self.zone).date()

    def at(self, days_ago: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
        return self.on(self.today - timedelta(days=days_ago), hour, minute, second)

    def on(self, day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
        local = datetime.combine(day, time(hour, minute, second), tzinfo=self.zone)
        return local.astimezone(UTC)

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def in_office(self, instant: datetime) -> datetime:
        """`instant`, or as long after nine the next time the office opens: from 9 to 18 it is."""
        local = instant.astimezone(self.zone)
        if 9 <= local.hour < 18:
            return instant
        day = local.date() + timedelta(days=1 if local.hour >= 18 else 0)
        return self.on(day, 9, local.minute, local.second)
