"""The client book: who is served by whom, what they hold and what it is worth today.

A relationship manager's book holds their own clients; operations' and compliance's the tenant's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.domains.identity.public import membership, names_of
from app.domains.investments.client_values import ClientEvent, ClientRow, ClientStanding, ClientView
from app.domains.investments.queries.destinations import destinations_of
from app.domains.investments.queries.prices import usd_prices, usd_worth
from app.domains.investments.queries.redemption_lists import redemptions
from app.domains.investments.queries.redemptions import title_of
from app.domains.investments.queries.scope import SEES_ALL
from app.domains.investments.queries.screening import screening_of
from app.domains.investments.queries.subscriptions import (
    subscriptions_of,
    totals_of,
)
from app.domains.investments.values import (
    AssetTotal,
    RedemptionFilter,
    SubscriptionState,
    SubscriptionView,
    View,
)
from app.kernel.database import current, fetch, fetch_row, matching
from app.kernel.errors import NotFound
from app.kernel.money import ZERO
from app.kernel.sorting import Order, Place, Slice, Sorting, SortKey

_REQUESTS_SHOWN = 10
_EVENTS_SHOWN = 20

# What each client's units are worth in US dollars, those in open requests too, to the same rules as a subscription's page,
# for ordering alone: what is shown is computed by them. An asset without a price counts for nothing.
_WORTH = """
    SELECT s.client_id, sum(price.usd * round(CASE
        WHEN free.balance + locked.balance = 0 THEN 0
        WHEN p.kind = 'fixed_yield' THEN s.principal * power(1 + s.apy, greatest(0,
            least((now.at AT TIME ZONE p.time_zone)::date, s.matures_on) - s.activated_on) / 365.0)
        ELSE (free.balance + locked.balance) * coalesce(nav.nav_per_unit, 1)
        END, p.places::int)) AS usd
    FROM (SELECT $4::timestamptz AS at) now, subscription s
    JOIN product p ON p.tenant_id = s.tenant_id AND p.id = s.product_id
    JOIN ledger_balance free
      ON free.tenant_id = s.tenant_id AND free.account_id = s.free_account_id
    JOIN ledger_balance locked
      ON locked.tenant_id = s.tenant_id AND locked.account_id = s.locked_account_id
    JOIN asset_price price ON price.tenant_id = p.tenant_id AND price.asset = p.asset
    LEFT JOIN LATERAL (SELECT nav_per_unit FROM published_nav n
      WHERE n.tenant_id = p.tenant_id AND n.product_id = p.id AND n.as_of <= $4
      ORDER BY n.as_of DESC LIMIT 1) nav ON true
    WHERE s.state = 'active' GROUP BY s.client_id
"""

_OPEN = (
    "(SELECT count(*) FROM redemption r WHERE r.client_id = c.id"
    " AND r.state NOT IN ('completed', 'rejected', 'cancelled'))"
)

CLIENTS = Sorting(
    keys={
        "name": SortKey("lower(c.name)", "text"),
        "worth": SortKey("coalesce(w.usd, 0)", "numeric"),
        "open": SortKey(_OPEN, "integer"),
    },
    default="name",
    tie="c.id",
)


class ClientFilter(View, frozen=True, kw_only=True):
    """`name` is any part of theirs; `product_id` keeps those who hold something in it."""

    name: str = ""
    product_id: UUID | None = None


EVERY_CLIENT = ClientFilter()
# Of the viewer's. The fourth argument is the worth's.
_MATCHING = """
    WHERE ($1::uuid IS NULL OR c.rm_membership_id = $1)
    AND position(lower($2) IN lower(c.name)) > 0
    AND ($3::uuid IS NULL OR EXISTS (SELECT 1 FROM subscription s
      WHERE s.client_id = c.id AND s.product_id = $3 AND s.state = 'active'))
    AND $4::timestamptz IS NOT NULL
"""


async def clients(
    *,
    chosen: ClientFilter = EVERY_CLIENT,
    order: Order = CLIENTS.default,
    after: Place | None = None,
    limit: int = 50,
) -> Slice[ClientRow]:
    """The viewer's clients. By worth is by what it comes to in US dollars."""
    # It is computed for everybody: only where it decides.
    joined = f"LEFT JOIN ({_WORTH}) w ON w.client_id = c.id" if order.name == "worth" else ""
    found = await fetch(
        f"SELECT c.id, c.name, c.rm_membership_id, {_OPEN} AS open, {order.column}"
        f" FROM client c {joined} {_MATCHING} AND {order.behind(after, argument=5)}"
        f" {order.clause} LIMIT $7",
        *_arguments(chosen),
        *order.arguments(after),
        limit + 1,
    )
    return order.sliced(found, limit=limit, rows=await _rows(found[:limit]))


async def client_count(*, chosen: ClientFilter, limit: int) -> int:
    """How many of the viewer's match; not counted beyond `limit`."""
    return await matching(f"FROM client c {_MATCHING}", *_arguments(chosen), limit=limit)


def _arguments(chosen: ClientFilter) -> list[Any]:
    return [_manager(), chosen.name, chosen.product_id, current().now]


async def _rows(rows: Sequence[Any]) -> list[ClientRow]:
    held: dict[UUID, list[SubscriptionView]] = {}
    for view in await subscriptions_of(
        client_ids=[row["id"] for row in rows], states=[SubscriptionState.active]
    ):
        held.setdefault(view.client_id, []).append(view)
    names = await names_of(membership_ids=[row["rm_membership_id"] for row in rows])
    prices = await usd_prices()
    found = []
    for row in rows:
        totals = totals_of(held.get(row["id"], []))
        found.append(
            ClientRow(
                id=row["id"],
                name=row["name"],
                rm_name=names.get(row["rm_membership_id"], ""),
                subscriptions=len(held.get(row["id"], [])),
                totals=totals,
                worth=usd_worth(totals, prices),
                redemptions_open=row["open"],
            )
        )
    return found


async def book_totals() -> list[AssetTotal]:
    """What all of the viewer's clients hold, per asset."""
    return totals_of(await subscriptions_of_book())


async def subscriptions_of_book() -> list[SubscriptionView]:
    """Every active one of the viewer's clients."""
    rows = await fetch(
        "SELECT c.id FROM client c WHERE $1::uuid IS NULL OR c.rm_membership_id = $1", _manager()
    )
    return await subscriptions_of(
        client_ids=[row["id"] for row in rows], states=[SubscriptionState.active]
    )


async def client(*, client_id: UUID) -> ClientView:
    """One of the viewer's clients; raises `NotFound` for any other."""
    row = await fetch_row(
        "SELECT c.*, t.time_zone FROM client c JOIN tenant t ON t.id = c.tenant_id"
        " WHERE c.id = $1 AND ($2::uuid IS NULL OR c.rm_membership_id = $2)",
        client_id,
        _manager(),
    )
    if row is None:
        raise NotFound
    person = await membership(membership_id=row["membership_id"])
    names = await names_of(membership_ids=[row["rm_membership_id"]])
    held = await subscriptions_of(client_ids=[client_id])
    totals = totals_of(view for view in held if view.state is SubscriptionState.active)
    return ClientView(
        id=row["id"],
        name=row["name"],
        email=person.email,
        membership_id=row["membership_id"],
        rm_name=names.get(row["rm_membership_id"], ""),
        totals=totals,
        worth=usd_worth(totals, await usd_prices()),
        # What is held comes before what has ended.
        subscriptions=sorted(held, key=lambda view: view.state is not SubscriptionState.active),
        destinations=await destinations_of(client_id=client_id),
        redemptions=await redemptions(
            chosen=RedemptionFilter(client_id=client_id), limit=_REQUESTS_SHOWN
        ),
        history=await _history(client_id),
        standing=await _standing(client_id, held),
        screening=screening_of(row),
    )


def _manager() -> UUID | None:
    """Whose clients the viewer sees; none where that is everybody's."""
    actor = current().actor
    return None if actor.role in SEES_ALL else actor.id


async def _standing(client_id: UUID, held: Sequence[SubscriptionView]) -> ClientStanding:
    rows = await fetch(
        "SELECT p.asset, max(p.places) AS places,"
        " count(*) FILTER (WHERE r.state NOT IN ('completed', 'rejected', 'cancelled')) AS open,"
        " count(*) FILTER (WHERE r.state = 'on_hold') AS held,"
        " count(*) FILTER (WHERE r.state = 'completed') AS completed,"
        " count(*) FILTER (WHERE r.state = 'rejected') AS rejected,"
        " coalesce(sum(r.net) FILTER (WHERE r.state = 'completed'), 0) AS paid"
        " FROM redemption r JOIN product p ON p.id = r.product_id"
        " WHERE r.client_id = $1 GROUP BY p.asset ORDER BY p.asset",
        client_id,
    )
    return ClientStanding(
        since=min((view.activated_on for view in held), default=None),
        open=sum(row["open"] for row in rows),
        on_hold=sum(row["held"] for row in rows),
        completed=sum(row["completed"] for row in rows),
        rejected=sum(row["rejected"] for row in rows),
        paid=[
            AssetTotal(asset=row["asset"], places=row["places"], value=row["paid"], gained=ZERO)
            for row in rows
            if row["paid"]
        ],
    )


async def _history(client_id: UUID) -> list[ClientEvent]:
    """The latest steps of the client's requests, and their deposits."""
    rows = await fetch(
        "(SELECT e.at, e.id, e.event, e.actor_name, e.note, r.id AS redemption_id, r.reference,"
        "   NULL::numeric AS amount, p.asset, p.places, p.name AS product_name"
        "  FROM redemption r JOIN redemption_event e ON e.redemption_id = r.id"
        "  JOIN product p ON p.id = r.product_id"
        "  WHERE r.client_id = $1 ORDER BY e.at DESC, e.id DESC LIMIT $2)"
        " UNION ALL (SELECT d.confirmed_at, d.id, 'deposited', '', '', NULL, NULL,"
        "   d.amount, p.asset, p.places, p.name"
        "  FROM deposit d JOIN product p ON p.id = d.product_id"
        "  WHERE d.client_id = $1 ORDER BY d.confirmed_at DESC, d.id DESC LIMIT $2)"
        " ORDER BY at DESC, id DESC LIMIT $2",
        client_id,
        _EVENTS_SHOWN,
    )
    return [_event(row) for row in rows]


def _event(row: Any) -> ClientEvent:
    return ClientEvent(
        id=row["id"],
        at=row["at"],
        event=row["event"],
        title=title_of(row["event"]),
        actor=row["actor_name"],
        note=row["note"],
        product_name=row["product_name"],
        redemption_id=row["redemption_id"],
        reference=row["reference"],
        amount=row["amount"],
        asset=row["asset"],
        places=row["places"],
    )
