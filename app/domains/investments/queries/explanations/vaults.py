"""What the ledger expects in a vault or venue account, what of it is spoken for, and how that differs
from the reading."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.difference import custody_difference
from app.domains.investments.queries.explanations.entries import entries_on
from app.domains.investments.queries.explanations.explanation import (
    EXACT_SUM,
    Explanation,
    Input,
    Unit,
    named,
)
from app.domains.investments.queries.explanations.redemption_case import redemption_case
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.values import CustodyAccountView
from app.kernel.database import current, fetch, fetch_row
from app.kernel.errors import NotFound
from app.kernel.money import ZERO, plain

AMOUNTS = ("expected", "reserved", "free", "difference", "in_flight", "short")
# Of which ledger accounts each is the sum; what stands on each, in words.
_KINDS = {
    "expected": ("available", "reserved", "unallocated"),
    "difference": ("available", "reserved", "unallocated"),
    "reserved": ("reserved",),
    "free": ("available",),
    "in_flight": ("reserved",),
    "short": ("available",),
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
    "in_flight": "Sum of what is set aside for payouts that are on their way",
    "short": "Net of the redemption − free; nothing where that is enough",
}
_TITLES = {"in_flight": "On its way", "short": "Short in the vault"}


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """The vault as pages show it, and the sum of all postings on each of its accounts."""

    view: CustodyAccountView
    row: Any
    sums: dict[str, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.sums.values(), ZERO)

    def address(self, amount: str) -> str:
        return f"/explain/vaults/{self.view.id}?amount={amount}"


async def explain_vault(
    *, account_id: UUID, amount: str = "expected", redemption_id: UUID | None = None
) -> Explanation:
    """One of expected, reserved, free, in_flight, difference (where there is a reading), and short
    (of what `redemption_id` comes to).

    Computed once more from every posting there is, not from the balances that are kept. Raises
    `NotFound` for an account or a redemption that is not there, and for any other amount.
    """
    row = await fetch_row("SELECT * FROM custody_account WHERE id = $1", account_id)
    if row is None:
        raise NotFound
    (view,) = [
        found
        for found in await custody_accounts(product_id=row["product_id"])
        if found.id == account_id
    ]
    has = {"difference": view.balance is not None, "short": redemption_id is not None}
    named(amount, [name for name in AMOUNTS if has.get(name, True)])
    kinds = [kind for kind in _KINDS[amount] if row[f"{kind}_account_id"] is not None]
    case = _Case(view=view, row=row, sums=await _sums(row, kinds))
    if amount == "difference":
        part = _difference(case)
    elif amount == "in_flight":
        part = await _in_flight(case)
    elif amount == "short":
        assert redemption_id is not None, "named() has refused it"
        part = await _short(case, redemption_id)
    else:
        part = _stands(case, amount)
    entries, count = await entries_on(account_ids=[row[f"{kind}_account_id"] for kind in kinds])
    return Explanation(
        title=_TITLES.get(amount, amount.capitalize()),
        subject=f"{view.name} of {view.product_name}",
        back="/settlement" if current().actor.may("redemption:settle") else "/operations",
        asset=view.asset,
        places=view.places,
        words=_WORDS[amount],
        rounding=EXACT_SUM,
        entries=entries,
        entry_count=count,
        **part,
    )


def _stands(case: _Case, amount: str) -> dict[str, Any]:
    figures = " + ".join(plain(value) for value in case.sums.values())
    return {
        "amount": getattr(case.view, amount),
        "recomputed": case.total,
        "figures": figures or "there is no such account",
        "inputs": [
            Input(
                label=_SOURCES[kind][0],
                value=value,
                unit=Unit.money,
                source=_SOURCES[kind][1],
                explained_at=case.address("free" if kind == "available" else kind)
                if amount == "expected" and kind != "unallocated"
                else "",
            )
            for kind, value in case.sums.items()
        ],
    }


def _difference(case: _Case) -> dict[str, Any]:
    view, total = case.view, case.total
    assert view.balance is not None and view.read_at is not None, "there is a reading"
    figures = f"{plain(view.balance)} − {plain(total)}"
    if view.in_flight:
        figures += f", up to {plain(view.in_flight)} of it on its way"
    return {
        "amount": view.difference,
        "recomputed": custody_difference(
            balance=view.balance, expected=total, in_flight=view.in_flight
        ),
        "figures": figures,
        "inputs": [
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
                explained_at=case.address("expected"),
            ),
            Input(
                label="On its way",
                value=view.in_flight,
                unit=Unit.money,
                source="payouts that the custodian may have taken already",
                explained_at=case.address("in_flight"),
            ),
        ],
    }


async def _in_flight(case: _Case) -> dict[str, Any]:
    """What was posted as set aside, request by request."""
    rows = await fetch(
        "SELECT r.reference, coalesce(sum(p.amount), 0) AS amount FROM redemption r"
        " LEFT JOIN ledger_entry e ON e.tenant_id = r.tenant_id"
        "   AND e.subject_kind = 'redemption' AND e.subject_id = r.id"
        " LEFT JOIN ledger_posting p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id"
        "   AND p.account_id = $2"
        " WHERE r.state = 'in_transit' AND r.source_account_id = $1"
        " GROUP BY r.id, r.reference ORDER BY r.reference",
        case.view.id,
        case.row["reserved_account_id"],
    )
    figures = " + ".join(plain(row["amount"]) for row in rows)
    return {
        "amount": case.view.in_flight,
        "recomputed": sum((row["amount"] for row in rows), ZERO),
        "figures": figures or "no payout is on its way",
        "inputs": [
            Input(
                label=f"Set aside for {row['reference']}",
                value=row["amount"],
                unit=Unit.money,
                source="the ledger: its net and the network fee",
            )
            for row in rows
        ],
    }


async def _short(case: _Case, redemption_id: UUID) -> dict[str, Any]:
    redemption = (await redemption_case(redemption_id=redemption_id)).row
    if redemption["product_id"] != case.view.product_id:
        raise NotFound
    net: Decimal = redemption["net"]
    return {
        "amount": max(net - case.view.free, ZERO),
        "recomputed": max(net - case.total, ZERO),
        "figures": f"{plain(net)} − {plain(case.total)}",
        "inputs": [
            Input(
                label=f"Net of {redemption['reference']}",
                value=net,
                unit=Unit.money,
                source="computed",
                explained_at=f"/explain/redemptions/{redemption_id}?amount=net",
            ),
            Input(
                label="Free",
                value=case.view.free,
                unit=Unit.money,
                source="the ledger",
                explained_at=case.address("free"),
            ),
        ],
    }


async def _sums(row: Any, kinds: list[str]) -> dict[str, Decimal]:
    rows = await fetch(
        "SELECT account_id, sum(amount) AS amount FROM ledger_posting"
        " WHERE tenant_id = $1 AND account_id = ANY($2) GROUP BY account_id",
        current().tenant,
        [row[f"{kind}_account_id"] for kind in kinds],
    )
    found = {posted["account_id"]: posted["amount"] for posted in rows}
    return {kind: found.get(row[f"{kind}_account_id"], ZERO) for kind in kinds}
