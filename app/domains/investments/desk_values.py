"""What each desk's page shows, in one struct a page."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.domains.investments.client_values import ClientRow, ScreeningFilter, TierChange
from app.domains.investments.values import (
    Allowance,
    AssetTotal,
    CustodyAccountView,
    DestinationView,
    PayoutState,
    QuoteView,
    RedemptionRow,
    RedemptionState,
    SubscriptionView,
    View,
)


class HoldingsPage(View, frozen=True, kw_only=True):
    """The client's dashboard. Totals are per asset: unlike things are never added up."""

    client_name: str
    totals: list[AssetTotal]
    unpayable: list[str]  # assets that are held, and for which there is no destination
    subscriptions: list[SubscriptionView]
    in_progress: list[RedemptionRow]
    recent: list[RedemptionRow]

    @property
    def offers(self) -> list[RedemptionRow]:
        """What waits for the client's own answer."""
        return [row for row in self.in_progress if row.state is RedemptionState.awaiting_client]


class WaitingQueue(View, frozen=True, kw_only=True):
    """What waits for the viewer's decision, by time left."""

    rows: list[RedemptionRow]
    totals: list[AssetTotal]
    decided_today: int

    @property
    def late(self) -> int:
        """Due within the hour, or late."""
        return sum(1 for row in self.rows if row.timer and row.timer.remaining_seconds < 3600)


class BookMoves(View, frozen=True, kw_only=True):
    """What all of a manager's clients hold now, and what came in and went out today, per asset."""

    totals: list[AssetTotal]
    paid_in: list[AssetTotal]  # deposits confirmed
    paid_out: list[AssetTotal]  # nets of completed requests


class Trouble(View, frozen=True, kw_only=True):
    """That a client's request was rejected, or that one was escalated because time ran out."""

    id: UUID
    at: datetime
    title: str
    note: str
    redemption_id: UUID
    reference: str
    client_name: str
    state: RedemptionState  # now


class ApprovalsPage(View, frozen=True, kw_only=True):
    """A manager's dashboard. A part that was not asked for is none."""

    waiting: WaitingQueue | None
    moves: BookMoves | None
    troubles: list[Trouble] | None
    clients: list[ClientRow] | None


class FlaggedRow(View, frozen=True, kw_only=True):
    """An open request, with why compliance looks at it: rules that it met, or why it is held."""

    row: RedemptionRow
    reasons: list[str]
    usd: Decimal | None = None  # what it was worth when it was asked for, where a price was known


class CompliancePage(View, frozen=True, kw_only=True):
    """`kyc` counts clients by what their KYC and standing are now."""

    waiting: WaitingQueue
    held: list[FlaggedRow]
    flagged: list[FlaggedRow]
    tier_changes: list[TierChange]
    kyc: dict[ScreeningFilter, int]


class PayoutRow(View, frozen=True, kw_only=True):
    """A payout that was ordered and whose outcome is not known for certain."""

    id: UUID
    redemption_id: UUID
    redemption_reference: str
    client_name: str
    product_name: str
    asset: str
    places: int
    amount: Decimal
    state: PayoutState
    reference: str | None  # the custodian's
    ordered_at: datetime


class Coverage(View, frozen=True, kw_only=True):
    """What staging vaults have free in one asset, against what is still to be set aside."""

    asset: str
    places: int
    free: Decimal
    due: Decimal

    @property
    def short(self) -> Decimal:
        return max(self.due - self.free, Decimal(0))


class SettlementPage(View, frozen=True, kw_only=True):
    """The trader's dashboard. A part that was not asked for is none."""

    queue: list[RedemptionRow] | None  # approved, ready, in transit, payout failed: by time left
    due_totals: list[AssetTotal]
    payouts: list[PayoutRow] | None
    accounts: list[CustodyAccountView] | None
    coverage: list[Coverage]

    @property
    def breached(self) -> int:
        return sum(1 for row in self.queue or [] if row.timer and row.timer.state == "breached")

    @property
    def differing(self) -> int:
        return sum(1 for account in self.accounts or [] if account.difference)

    @property
    def not_fresh(self) -> int:
        return sum(1 for account in self.accounts or [] if not account.is_fresh)


class RedeemPage(View, frozen=True, kw_only=True):
    """The form by which a client asks, and what it comes to once quoted."""

    subscription: SubscriptionView
    destinations: list[DestinationView]
    allowance: Allowance
    barred: str  # why nothing can be asked for at all, and the way out; empty where it can
    quote: QuoteView | None


class DestinationPage(View, frozen=True, kw_only=True):
    """One destination, and what becomes of open requests to it when it is revoked."""

    destination: DestinationView
    would_hold: list[RedemptionRow]
    would_be_paid: list[RedemptionRow]  # sent already
