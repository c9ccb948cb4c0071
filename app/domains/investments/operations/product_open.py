"""Open a product: its book, its terms, and the vaults and venues of its risk unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from decimal import Decimal
from uuid import UUID

import msgspec

from app.domains.investments.books import book_accounts
from app.domains.investments.values import (
    ClientTier,
    CustodyKind,
    ProductKind,
    ProductState,
    ProductTerm,
    TierLimit,
)
from app.kernel import audit
from app.kernel.database import current, execute
from app.kernel.ids import new_id
from app.kernel.ledger.operations import open_accounts, open_book
from app.kernel.ledger.values import AccountSpec


class CustodySpec(msgspec.Struct, frozen=True, kw_only=True):
    """A vault or venue account; `reference` is the custodian's name of it."""

    kind: CustodyKind
    name: str
    reference: str


class ProductSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Rates are fractions; `cutoff` is local to `time_zone`; amounts are in `asset`.

    `limits` of redemptions are those of every tier, or none.
    """

    name: str
    kind: ProductKind
    asset: str
    places: int
    network: str
    time_zone: str
    cutoff: time
    minimum: Decimal
    maximum: Decimal
    redemption_fee_rate: Decimal
    entry_fee_rate: Decimal
    network_fee: Decimal
    terms: Sequence[ProductTerm]
    custody: Sequence[CustodySpec]
    limits: Sequence[TierLimit] = ()


async def open_product(*, spec: ProductSpec) -> UUID:
    """Make the product, active, with a ledger book of its own. Returns its id.

    Raises `ValueError` for limits that leave a tier out: it would have none.
    """
    if spec.limits and sorted(limit.tier for limit in spec.limits) != sorted(ClientTier):
        raise ValueError("name the limits of each tier, once, or of none")
    unit = current()
    product_id = new_id()
    book_id = await open_book(name=spec.name, subject_kind="product", subject_id=product_id)
    await execute(
        "INSERT INTO product (id, tenant_id, name, kind, asset, places, network, state, time_zone,"
        " cutoff, minimum, maximum, redemption_fee_rate, entry_fee_rate, network_fee, book_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        product_id,
        unit.tenant,
        spec.name,
        spec.kind.value,
        spec.asset,
        spec.places,
        spec.network,
        ProductState.active.value,
        spec.time_zone,
        spec.cutoff,
        spec.minimum,
        spec.maximum,
        spec.redemption_fee_rate,
        spec.entry_fee_rate,
        spec.network_fee,
        book_id,
    )
    for term in spec.terms:
        await execute(
            "INSERT INTO product_term (id, tenant_id, product_id, months, apy, penalty_rate)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            new_id(),
            unit.tenant,
            product_id,
            term.months,
            term.apy,
            term.penalty_rate,
        )
    for limit in spec.limits:
        await execute(
            "INSERT INTO product_limit (id, tenant_id, product_id, tier, single, daily)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            new_id(),
            unit.tenant,
            product_id,
            limit.tier.value,
            limit.single,
            limit.daily,
        )
    await book_accounts(book_id=book_id, asset=spec.asset)
    for account in spec.custody:
        await _open_custody_account(product_id, book_id, spec.asset, account)
    await audit.record(
        action="product.open",
        subject_kind="product",
        subject_id=product_id,
        after={"name": spec.name, "kind": spec.kind.value, "asset": spec.asset},
    )
    return product_id


async def _open_custody_account(
    product_id: UUID, book_id: UUID, asset: str, spec: CustodySpec
) -> None:
    custody_id = new_id()
    staging = spec.kind is CustodyKind.staging_vault
    kinds = ["available", "reserved", "unallocated"] if staging else ["available"]
    # Floored, so that nothing can leave a vault that is not in it, or that is set aside.
    accounts = await open_accounts(
        specs=[
            AccountSpec(
                book_id=book_id,
                asset=asset,
                kind=f"custody_{kind}",
                owner_id=custody_id,
                floored=True,
                name=f"{spec.name}, {kind}",
            )
            for kind in kinds
        ]
    )
    await execute(
        "INSERT INTO custody_account (id, tenant_id, product_id, kind, name, asset, reference,"
        " available_account_id, reserved_account_id, unallocated_account_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        custody_id,
        current().tenant,
        product_id,
        spec.kind.value,
        spec.name,
        asset,
        spec.reference,
        accounts[0],
        accounts[1] if staging else None,
        accounts[2] if staging else None,
    )
