"""What each role sees first: a client's holdings, a manager's approvals, a trader's settlement."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.domains.investments.policy import OPEN_STATES
from app.domains.investments.queries.client_book import book_totals, clients
from app.domains.investments.queries.products import custody_accounts
from app.domains.investments.queries.redemptions import (
    decided_today,
    held_rows,
    queue,
    redemptions,
)
from app.domains.investments.queries.screening import pending_tier_changes, screening_counts
from app.domains.investments.queries.subscriptions import (
    own_subscriptions,
    totals_of,
)
from app.domains.investments.values import (
    ApprovalsPage,
    AssetTotal,
    ClientSort,
    HoldingsPage,
    RedemptionRow,
    RedemptionState,
    SettlementPage,
)
from app.kernel.database import current
from app.kernel.money import ZERO

_SETTLING = (
    RedemptionState.approved,
    RedemptionState.ready,
    RedemptionState.in_transit,
    RedemptionState.payout_failed,
)
_RECENT = 5
_LARGEST = 10


async def holdings_page() -> HoldingsPage:
    """What the client holds and its worth, what is in progress, what was lately."""
    held = await own_subscriptions()
    in_progress = await queue(states=sorted(OPEN_STATES))
    closed = sorted(set(RedemptionState) - OPEN_STATES)
    return HoldingsPage(
        client_name=current().actor.name,
        totals=totals_of(held),
        subscriptions=held,
        in_progress=in_progress,
        recent=await redemptions(states=closed, limit=_RECENT),
    )


async def approvals_page(*, time_zone: str) -> ApprovalsPage:
    """What waits for the manager or for compliance, by time left, and the manager's clients."""
    clears = current().actor.may("redemption:clear")
    state = RedemptionState.pending_compliance if clears else RedemptionState.pending_approval
    rows = await queue(states=[state, RedemptionState.on_hold] if clears else [state])
    waiting = [row for row in rows if row.state is state]
    now = current().now.astimezone(ZoneInfo(time_zone))
    midnight = datetime.combine(now.date(), time(), tzinfo=now.tzinfo)
    return ApprovalsPage(
        held=await held_rows([row for row in rows if row.state is not state]),
        tier_changes=await pending_tier_changes() if clears else [],
        kyc=await screening_counts() if clears else {},
        waiting=waiting,
        waiting_totals=net_totals(waiting),
        decided_today=await decided_today(since=midnight),
        clients=[] if clears else await clients(sort=ClientSort.worth, limit=_LARGEST),
        client_totals=[] if clears else await book_totals(),
    )


async def settlement_page() -> SettlementPage:
    """What must be paid, by time left, and where the assets are."""
    waiting = await queue(states=_SETTLING)
    return SettlementPage(
        queue=waiting,
        accounts=await custody_accounts(),
        breached=sum(1 for row in waiting if row.timer and row.timer.state == "breached"),
        due_totals=net_totals(waiting),
    )


def net_totals(rows: Iterable[RedemptionRow]) -> list[AssetTotal]:
    """What is to be paid out, per asset."""
    return _sum(
        AssetTotal(
            asset=row.amounts.asset, places=row.amounts.places, value=row.amounts.net, gained=ZERO
        )
        for row in rows
    )


def _sum(totals: Iterable[AssetTotal]) -> list[AssetTotal]:
    sums: dict[str, tuple[int, Decimal, Decimal]] = {}
    for total in totals:
        places, value, gained = sums.get(total.asset, (total.places, ZERO, ZERO))
        sums[total.asset] = (
            max(places, total.places),
            value + total.value,
            gained + total.gained,
        )
    return [
        AssetTotal(asset=asset, places=places, value=value, gained=gained)
        for asset, (places, value, gained) in sorted(sums.items())
    ]
