"""What clients and traders see first: holdings, and settlement. `desks.py` has who decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from app.domains.investments.desk_values import Coverage, HoldingsPage, PayoutRow, SettlementPage
from app.domains.investments.policy import OPEN_STATES
from app.domains.investments.queries.destinations import unpayable_assets
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.queries.redemption_lists import queue, redemptions
from app.domains.investments.queries.subscriptions import own_subscriptions, totals_of
from app.domains.investments.values import (
    AssetTotal,
    CustodyAccountView,
    CustodyKind,
    PayoutState,
    RedemptionFilter,
    RedemptionRow,
    RedemptionState,
)
from app.kernel.database import current, fetch
from app.kernel.money import ZERO

SETTLING = (
    RedemptionState.approved,
    RedemptionState.ready,
    RedemptionState.in_transit,
    RedemptionState.payout_failed,
)
_UNDER_WAY = (PayoutState.pending, PayoutState.sent, PayoutState.unknown)
_RECENT = 5
_PAYOUTS_MAX = 100


async def holdings_page() -> HoldingsPage:
    """What the client holds and its worth, what is in progress, what was lately."""
    held = await own_subscriptions()
    in_progress = await queue(states=sorted(OPEN_STATES))
    closed = RedemptionFilter(states=tuple(sorted(set(RedemptionState) - OPEN_STATES)))
    totals = totals_of(held)
    return HoldingsPage(
        client_name=current().actor.name,
        totals=totals,
        unpayable=await unpayable_assets(assets=[total.asset for total in totals]),
        subscriptions=held,
        in_progress=in_progress,
        recent=await redemptions(chosen=closed, limit=_RECENT),
    )


async def settlement_page(
    *, shows_queue: bool = True, shows_payouts: bool = True, shows_assets: bool = True
) -> SettlementPage:
    """What must be paid, by time left; what is being paid; and where the assets are."""
    waiting = await queue(states=SETTLING) if shows_queue or shows_assets else None
    accounts = await custody_accounts() if shows_assets else None
    return SettlementPage(
        queue=waiting,
        due_totals=net_totals(waiting or []),
        payouts=await payouts_under_way() if shows_payouts else None,
        accounts=accounts,
        coverage=coverage(waiting or [], accounts or []),
    )


async def payouts_under_way() -> list[PayoutRow]:
    """Ordered, and neither confirmed nor refused: the oldest first."""
    rows = await fetch(
        "SELECT y.id, y.redemption_id, y.amount, y.state, y.reference, y.created_at,"
        " r.reference AS redemption_reference, c.name AS client_name, p.name AS product_name,"
        " p.asset, p.places FROM payout y JOIN redemption r ON r.id = y.redemption_id"
        " JOIN client c ON c.id = r.client_id JOIN product p ON p.id = r.product_id"
        " WHERE y.state = ANY($1) ORDER BY y.created_at, y.id LIMIT $2",
        [state.value for state in _UNDER_WAY],
        _PAYOUTS_MAX,
    )
    return [
        PayoutRow(
            id=row["id"],
            redemption_id=row["redemption_id"],
            redemption_reference=row["redemption_reference"],
            client_name=row["client_name"],
            product_name=row["product_name"],
            asset=row["asset"],
            places=row["places"],
            amount=row["amount"],
            state=PayoutState(row["state"]),
            reference=row["reference"],
            ordered_at=row["created_at"],
        )
        for row in rows
    ]


def coverage(
    waiting: Sequence[RedemptionRow], accounts: Sequence[CustodyAccountView]
) -> list[Coverage]:
    """Per asset: free in its staging vaults, and the nets for which nothing is set aside yet."""
    places: dict[str, int] = {}
    free: dict[str, Decimal] = {}
    for account in accounts:
        if account.kind is CustodyKind.staging_vault:
            places[account.asset] = max(account.places, places.get(account.asset, 0))
            free[account.asset] = free.get(account.asset, ZERO) + account.free
    due = {
        total.asset: total.value
        for total in net_totals(row for row in waiting if row.state is RedemptionState.approved)
    }
    return [
        Coverage(asset=asset, places=places[asset], free=free[asset], due=due.get(asset, ZERO))
        for asset in sorted(free)
    ]


def net_totals(rows: Iterable[RedemptionRow]) -> list[AssetTotal]:
    """What is to be paid out, per asset."""
    sums: dict[str, tuple[int, Decimal]] = {}
    for row in rows:
        places, value = sums.get(row.amounts.asset, (row.amounts.places, ZERO))
        sums[row.amounts.asset] = max(places, row.amounts.places), value + row.amounts.net
    return [
        AssetTotal(asset=asset, places=places, value=value, gained=ZERO)
        for asset, (places, value) in sorted(sums.items())
    ]
