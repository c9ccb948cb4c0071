"""What the API shows of clients."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.domains.investments.client_values import ClientRow, ClientView
from app.domains.investments.queries.prices import USD_PLACES
from app.domains.investments.schemas.holdings import (
    DestinationOut,
    SubscriptionOut,
    destination_out,
    subscription_out,
)
from app.domains.investments.schemas.redemptions import RedemptionRowOut, row_out
from app.domains.investments.schemas.shapes import Out
from app.domains.investments.values import AssetTotal, UsdWorth
from app.kernel.clock import utc
from app.kernel.money import Money


class ClientRowOut(Out, frozen=True, kw_only=True):
    """`worth` is per asset; `worth_usd` is there where each of them has a price."""

    id: UUID
    name: str
    relationship_manager: str
    subscriptions: int
    worth: list[Money]
    worth_usd: Money | None
    redemptions_open: int


class ClientStandingOut(Out, frozen=True, kw_only=True):
    since: str | None
    open: int
    on_hold: int
    completed: int
    rejected: int
    paid: list[Money]


class ClientEventOut(Out, frozen=True, kw_only=True):
    at: str
    event: str
    actor: str
    note: str
    product: str
    redemption_id: UUID | None
    amount: Money | None


class ClientDetailOut(Out, frozen=True, kw_only=True):
    id: UUID
    name: str
    email: str
    relationship_manager: str
    worth: list[Money]
    worth_usd: Money | None
    standing: ClientStandingOut
    subscriptions: list[SubscriptionOut]
    destinations: list[DestinationOut]
    redemptions: list[RedemptionRowOut]
    history: list[ClientEventOut]


def client_row_out(row: ClientRow) -> ClientRowOut:
    return ClientRowOut(
        id=row.id,
        name=row.name,
        relationship_manager=row.rm_name,
        subscriptions=row.subscriptions,
        worth=_totals(row.totals),
        worth_usd=_usd(row.worth),
        redemptions_open=row.redemptions_open,
    )


def client_detail_out(view: ClientView) -> ClientDetailOut:
    standing = view.standing
    return ClientDetailOut(
        id=view.id,
        name=view.name,
        email=view.email,
        relationship_manager=view.rm_name,
        worth=_totals(view.totals),
        worth_usd=_usd(view.worth),
        standing=ClientStandingOut(
            since=None if standing.since is None else standing.since.isoformat(),
            open=standing.open,
            on_hold=standing.on_hold,
            completed=standing.completed,
            rejected=standing.rejected,
            paid=_totals(standing.paid),
        ),
        subscriptions=[subscription_out(held) for held in view.subscriptions],
        destinations=[destination_out(destination) for destination in view.destinations],
        redemptions=[row_out(row) for row in view.redemptions],
        history=[
            ClientEventOut(
                at=utc(event.at),
                event=event.event,
                actor=event.actor,
                note=event.note,
                product=event.product_name,
                redemption_id=event.redemption_id,
                amount=None
                if event.amount is None
                else _fixed(event.amount, event.asset, event.places),
            )
            for event in view.history
        ],
    )


def _totals(totals: list[AssetTotal]) -> list[Money]:
    return [_fixed(total.value, total.asset, total.places) for total in totals]


def _usd(worth: UsdWorth | None) -> Money | None:
    return None if worth is None else _fixed(worth.usd, "USD", USD_PLACES)


def _fixed(amount: Decimal, asset: str, places: int) -> Money:
    """With the asset's own decimals."""
    return Money(f"{amount:.{places}f}", asset)
