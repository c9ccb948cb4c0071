"""Deposits, subscriptions and destinations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from app.domains.investments.desk_values import DestinationPage
from app.domains.investments.schemas.shapes import Body, Out, fixed, units
from app.domains.investments.values import DestinationView, SubscriptionView
from app.kernel.clock import utc
from app.kernel.money import Money


class DestinationBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: str
    kind: str
    asset: str
    address: str
    network: str | None = None


class DepositBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    client_id: UUID
    staging_account_id: UUID
    amount: str
    transaction_reference: str


class SubscriptionBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    deposit_id: UUID
    term_months: Annotated[int, msgspec.Meta(ge=1, le=1200)]


class SubscriptionOut(Out, frozen=True, kw_only=True):
    """`units` are free to redeem, and worth `free_value`. Principal, yield and value are of all that
    is held: those, and `units_locked`, which are in open requests. `nav_at` of a fixed yield is the
    beginning of the day to which it counts."""

    id: UUID
    product_id: UUID
    client_id: UUID
    term_months: int
    principal: Money
    units: str
    units_locked: str
    accrued_yield: Money
    value: Money
    free_value: Money
    nav_per_unit: str
    nav_at: str
    activated_on: str
    matures_on: str
    state: str


class DestinationOut(Out, frozen=True, kw_only=True):
    id: UUID
    label: str
    kind: str
    asset: str
    network: str | None
    address_masked: str
    state: str
    usable_from: str


class RevocationOut(Out, frozen=True, kw_only=True):
    """`would_hold` are the open requests that revoking it puts on hold; `would_be_paid` were sent
    already, and are paid all the same.
    """

    would_hold: list[UUID]
    would_be_paid: list[UUID]


def subscription_out(view: SubscriptionView) -> SubscriptionOut:
    return SubscriptionOut(
        id=view.id,
        product_id=view.product_id,
        client_id=view.client_id,
        term_months=view.term_months,
        principal=Money(fixed(view.principal, view.places), view.asset),
        units=units(view.units),
        units_locked=units(view.units_locked),
        accrued_yield=Money(fixed(view.accrued_yield, view.places), view.asset),
        value=Money(fixed(view.value, view.places), view.asset),
        free_value=Money(fixed(view.free_value, view.places), view.asset),
        nav_per_unit=units(view.nav_per_unit),
        nav_at=utc(view.nav_at),
        activated_on=view.activated_on.isoformat(),
        matures_on=view.matures_on.isoformat(),
        state=view.state.value,
    )


def destination_out(view: DestinationView) -> DestinationOut:
    return DestinationOut(
        id=view.id,
        label=view.label,
        kind=view.kind.value,
        asset=view.asset,
        network=view.network,
        address_masked=view.address_masked,
        state=view.state.value,
        usable_from=utc(view.usable_from),
    )


def revocation_out(page: DestinationPage) -> RevocationOut:
    return RevocationOut(
        would_hold=[row.id for row in page.would_hold],
        would_be_paid=[row.id for row in page.would_be_paid],
    )
