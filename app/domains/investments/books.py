"""Which ledger accounts a product's book has, and what each is for. Debit is positive.

Assets: staging (available, reserved, unallocated), vaults and venues. Owed: deposits that have no
units yet, each subscription's claim and yield, redemptions that are struck. The rest is the
sponsor's. Units are an asset of their own: issued against free, locked and struck.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from app.kernel.ledger.operations import open_accounts
from app.kernel.ledger.values import AccountSpec


class BookAccount(StrEnum):
    """Accounts that a book has once, all unfloored: they are hot, and may stand on either side."""

    deposits_owed = "deposits_owed"
    unitholders_equity = "unitholders_equity"
    redemptions_owed = "redemptions_owed"
    yield_expense = "yield_expense"
    penalty_income = "penalty_income"
    redemption_fee_income = "redemption_fee_income"
    entry_fee_income = "entry_fee_income"
    network_fee_expense = "network_fee_expense"
    network_fees_short = "network_fees_short"
    rounding = "rounding"
    sponsor_capital = "sponsor_capital"
    units_issued = "units_issued"


def units_asset(book_id: UUID) -> str:
    """The ledger's name of a product's units."""
    return f"units:{book_id}"


async def book_accounts(*, book_id: UUID, asset: str) -> dict[BookAccount, UUID]:
    """The book's own accounts, opened where they are not there yet."""
    ids = await open_accounts(
        specs=[
            AccountSpec(
                book_id=book_id,
                asset=units_asset(book_id) if kind is BookAccount.units_issued else asset,
                kind=kind.value,
                owner_id=None,
                floored=False,
                name=kind.value.replace("_", " ").capitalize(),
            )
            for kind in BookAccount
        ]
    )
    return dict(zip(BookAccount, ids, strict=True))
