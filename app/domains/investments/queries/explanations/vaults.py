"""What the ledger expects in a vault or venue account, and how that differs from the reading."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domains.investments.calculations.difference import custody_difference
from app.domains.investments.queries.explanations.entries import entries_on
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
    named,
)
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.values import CustodyAccountView
from app.kernel.database import current, fetch, fetch_row
from app.kernel.errors import NotFound
from app.kernel.money import ZERO, plain

AMOUNTS = ("expected", "reserved", "free", "difference")
# Of which ledger accounts each is the sum; what stands on each, in words.
_KINDS = {
    "expected": ("available", "reserved", "unallocated"),
    "difference": ("available", "reserved", "unallocated"),
    "reserved": ("reserved",),
    "free": ("available",),
}
_SOURCES = {
    "available": ("Free", "the ledger: what no payout and no deposit lays claim to"),
    "reserved": ("Reserved", "the ledger: set aside for payouts and their network fees"),
    "unallocated": ("Deposits without units", "the ledger: paid in, and not units yet"),
}
_WORDS = {
    "expected": "Free + reserved + deposits without units",
    "reserved": "Sum of the postings on the vault's reserved account",
    "free": "Sum of the postings on the vault's available account",
    "difference": "The custodian's reading − expected; nothing where payouts on their way explain it",
}


async def explain_vault(*, account_id: UUID, amount: str = "expected") -> Explanation:
    """One of expected, reserved, free, and difference (where there is a reading).

    Computed once more from every posting there is, not from the balances that are kept. Raises
    `NotFound` for an account that is not there, and for any other amount.
    """
    row = await fetch_row("SELECT * FROM custody_account WHERE id = $1", account_id)
    if row is None:
        raise NotFound
    (view,) = [
        found
        for found in await custody_accounts(product_id=row["product_id"])
        if found.id == account_id
    ]
    named(amount, [name for name in AMOUNTS if name != "difference" or view.balance is not None])
    kinds = [kind for kind in _KINDS[amount] if row[f"{kind}_account_id"] is not None]
    sums = await _sums(row, kinds)
    total = sum(sums.values(), ZERO)
    entries, count = await entries_on(account_ids=[row[f"{kind}_account_id"] for kind in kinds])
    if amount == "difference":
        assert view.balance is not None, "named() has refused it"
        shown = view.difference
        recomputed = custody_difference(
            balance=view.balance, expected=total, in_flight=view.in_flight
        )
        figures = f"{plain(view.balance)} − {plain(total)}"
        if view.in_flight:
            figures += f", up to {plain(view.in_flight)} of it on its way"
        inputs = _of_difference(view, total)
    else:
        shown, recomputed = getattr(view, amount), total
        figures = " + ".join(plain(value) for value in sums.values()) or "there is no such account"
        inputs = [
            Input(
                label=_SOURCES[kind][0],
                value=value,
                unit=Unit.money,
                source=_SOURCES[kind][1],
                explained_at=_address(view, "free" if kind == "available" else kind)
                if amount == "expected" and kind != "unallocated"
                else "",
            )
            for kind, value in sums.items()
        ]
    assert shown is not None, "a reading is there"
    return Explanation(
        title=amount.capitalize(),
        subject=f"{view.name} of {view.product_name}",
        back="/settlement" if current().actor.may("redemption:settle") else "/operations",
        asset=view.asset,
        places=view.places,
        amount=shown,
        recomputed=recomputed,
        words=_WORDS[amount],
        figures=figures,
        rounding=EXACT_SUM,
        inputs=inputs,
        entries=entries,
        entry_count=count,
    )


def _address(view: CustodyAccountView, amount: str) -> str:
    return f"/explain/vaults/{view.id}?amount={amount}"


def _of_difference(view: CustodyAccountView, total: Decimal) -> list[Input]:
    assert view.balance is not None and view.read_at is not None
    return [
        Input(
            label="Reading",
            value=view.balance,
            unit=Unit.money,
            source=f"the custodian, read {view.read_at:%Y-%m-%d %H:%M:%S} UTC",
        ),
        Input(
            label="Expected",
            value=total,
            unit=Unit.money,
            source="the ledger",
            explained_at=_address(view, "expected"),
        ),
        Input(
            label="On its way",
            value=view.in_flight,
            unit=Unit.money,
            source="the ledger: set aside for payouts that the custodian may have taken already",
        ),
    ]


async def _sums(row: Any, kinds: list[str]) -> dict[str, Decimal]:
    rows = await fetch(
        "SELECT account_id, sum(amount) AS amount FROM ledger_posting"
        " WHERE tenant_id = $1 AND account_id = ANY($2) GROUP BY account_id",
        current().tenant,
        [row[f"{kind}_account_id"] for kind in kinds],
    )
    found = {posted["account_id"]: posted["amount"] for posted in rows}
    return {kind: found.get(row[f"{kind}_account_id"], ZERO) for kind in kinds}
