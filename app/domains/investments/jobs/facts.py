"""What a notice says of its subject, whom the subject concerns, and where its page is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.domains.investments.jobs.notices import Who
from app.domains.investments.policy import SETTLEMENT_STATES
from app.domains.investments.queries.destination_view import mask_address
from app.domains.investments.queries.prices import fresh_usd_price
from app.kernel.approvals.queries import stand_ins_of
from app.kernel.database import fetch_row
from app.kernel.outbox import ConsumedEvent
from app.settings import settings


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """`words` fill the wording, `figures` stand below it in a mail. Of `people`, those whom the
    subject names itself; a role's people are everybody who has it."""

    reference: str
    client_name: str
    words: dict[str, str]
    figures: list[tuple[str, str]]
    people: dict[Who, list[UUID]]
    links: dict[Who, str]
    link: str
    proposer: UUID | None = None
    is_large: bool = False
    concerns_traders: bool = True

    def page_for(self, who: Who) -> str:
        return self.links.get(who, self.link)


async def of_redemption(event: ConsumedEvent) -> Facts:
    row = await fetch_row(
        "SELECT r.reference, r.net, r.gross, r.early_exit_penalty, r.redemption_fee, r.state,"
        " r.held_from, r.approver_membership_id, p.places, p.asset, p.name AS product,"
        " c.name AS client_name, c.membership_id, c.rm_membership_id"
        " FROM redemption r JOIN product p ON p.id = r.product_id"
        " JOIN client c ON c.id = r.client_id WHERE r.id = $1",
        event.subject_id,
    )
    assert row is not None, "redemptions are never deleted"
    amounts = {
        name: _amount(row[name], row["places"])
        for name in ("gross", "early_exit_penalty", "redemption_fee", "net")
    }
    asset, approver = row["asset"], row["approver_membership_id"]
    clock, asked_by = event.payload.get("deadline_id"), event.payload.get("asked_by")
    return Facts(
        reference=row["reference"],
        client_name=row["client_name"],
        words={
            "reference": row["reference"],
            "net": amounts["net"],
            "asset": asset,
            "product": row["product"],
            "clock": event.payload.get("clock", ""),
            "change": event.payload.get("change", ""),
        },
        figures=[
            ("Product", row["product"]),
            ("Gross", f"{amounts['gross']} {asset}"),
            ("Early exit penalty", f"{amounts['early_exit_penalty']} {asset}"),
            ("Redemption fee", f"{amounts['redemption_fee']} {asset}"),
            ("Net", f"{amounts['net']} {asset}"),
        ],
        people={
            Who.client: [row["membership_id"]],
            Who.rm: [row["rm_membership_id"], approver],
            Who.approver: [
                approver,
                *await stand_ins_of(membership_id=approver, permission="redemption:approve"),
            ],
        },
        links={},
        # What is proposed of a clock, and what became of it, stands on the clock's own page.
        link=f"/deadlines/{clock}" if clock else f"/redemptions/{event.subject_id}",
        proposer=UUID(asked_by) if asked_by else None,
        # What they may see: a request that is not approved, or was held before, is not theirs.
        concerns_traders=(row["held_from"] or row["state"]) in SETTLEMENT_STATES,
    )


async def of_deposit(event: ConsumedEvent) -> Facts:
    row = await fetch_row(
        "SELECT d.amount, d.transaction_reference, p.asset, p.places, p.name AS product,"
        " c.id AS client_id, c.name AS client_name, c.membership_id, c.rm_membership_id"
        " FROM deposit d JOIN product p ON p.id = d.product_id JOIN client c ON c.id = d.client_id"
        " WHERE d.id = $1",
        event.subject_id,
    )
    assert row is not None, "deposits are never deleted"
    amount = _amount(row["amount"], row["places"])
    return Facts(
        reference="",
        client_name=row["client_name"],
        words={"amount": amount, "asset": row["asset"], "product": row["product"]},
        figures=[
            ("Product", row["product"]),
            ("Amount", f"{amount} {row['asset']}"),
            ("Transaction", row["transaction_reference"]),
        ],
        people={Who.client: [row["membership_id"]], Who.rm: [row["rm_membership_id"]]},
        links={Who.client: "/holdings", Who.trader: "/settlement"},
        link=f"/clients/{row['client_id']}",
        is_large=await _is_large(row["amount"], row["asset"]),
    )


async def of_subscription(event: ConsumedEvent) -> Facts:
    row = await fetch_row(
        "SELECT s.term_months, s.matures_on, d.amount, p.asset, p.places, p.name AS product,"
        " c.id AS client_id, c.name AS client_name, c.membership_id, c.rm_membership_id"
        " FROM subscription s JOIN deposit d ON d.id = s.deposit_id"
        " JOIN product p ON p.id = s.product_id JOIN client c ON c.id = s.client_id"
        " WHERE s.id = $1",
        event.subject_id,
    )
    assert row is not None, "subscriptions are never deleted"
    amount = _amount(row["amount"], row["places"])
    units = f"{Decimal(event.payload['units']):,f}"
    return Facts(
        reference="",
        client_name=row["client_name"],
        words={
            "amount": amount,
            "asset": row["asset"],
            "product": row["product"],
            "units": units,
            "matures_on": row["matures_on"].isoformat(),
        },
        figures=[
            ("Product", row["product"]),
            ("Deposit", f"{amount} {row['asset']}"),
            ("Units", units),
            ("Term", f"{row['term_months']} months, until {row['matures_on'].isoformat()}"),
        ],
        people={Who.client: [row["membership_id"]], Who.rm: [row["rm_membership_id"]]},
        links={Who.client: "/holdings"},
        link=f"/clients/{row['client_id']}",
        is_large=await _is_large(row["amount"], row["asset"]),
    )


async def of_client(event: ConsumedEvent) -> Facts:
    """With the latest change of tier that was asked for, if any was."""
    row = await fetch_row(
        "SELECT c.id, c.name, c.membership_id, c.rm_membership_id, t.tier_before, t.tier_after"
        " FROM client c LEFT JOIN LATERAL (SELECT tier_before, tier_after FROM tier_change"
        "   WHERE client_id = c.id ORDER BY id DESC LIMIT 1) t ON true WHERE c.id = $1",
        event.subject_id,
    )
    assert row is not None, "clients are never deleted"
    return Facts(
        reference="",
        client_name=row["name"],
        words={
            "tier_before": row["tier_before"] or "",
            "tier_after": row["tier_after"] or "",
        },
        figures=[],
        people={Who.client: [row["membership_id"]], Who.rm: [row["rm_membership_id"]]},
        links={Who.client: "/holdings"},
        link=f"/clients/{row['id']}",
    )


async def of_destination(event: ConsumedEvent) -> Facts:
    """It may have been somebody else's hand: the client reads which one it is, and no more of it."""
    row = await fetch_row(
        "SELECT d.label, d.asset, d.network, d.address, d.usable_from, c.membership_id,"
        " c.rm_membership_id, c.name AS client_name, t.time_zone FROM destination d"
        " JOIN client c ON c.id = d.client_id JOIN tenant t ON t.id = d.tenant_id WHERE d.id = $1",
        event.subject_id,
    )
    assert row is not None, "destinations are never deleted"
    network = f", {row['network']}" if row["network"] else ""
    usable = row["usable_from"].astimezone(ZoneInfo(row["time_zone"]))
    held = event.payload.get("held", 0)
    waits = {0: "", 1: " One request to it is on hold."}
    return Facts(
        reference="",
        client_name=row["client_name"],
        words={
            "destination": f"{row['label']} ({row['asset']}{network}, {mask_address(row['address'])})",
            "usable_from": f"{usable:%d %b %Y, %H:%M %Z}",
            "held": waits.get(held, f" {held} requests to it are on hold."),
        },
        figures=[],
        people={Who.client: [row["membership_id"]], Who.rm: [row["rm_membership_id"]]},
        links={},
        link=f"/destinations/{event.subject_id}",
    )


# By what an event's type begins with: how its subject's facts are read.
READERS: dict[str, Callable[[ConsumedEvent], Awaitable[Facts]]] = {
    "client": of_client,
    "deposit": of_deposit,
    "destination": of_destination,
    "redemption": of_redemption,
    "subscription": of_subscription,
}


async def facts_of(event: ConsumedEvent) -> Facts:
    """Raises `KeyError` for an event whose kind has no reader."""
    return await READERS[event.type.partition(".")[0]](event)


async def _is_large(amount: Decimal, asset: str) -> bool:
    """Above the setting, in US dollars; what nobody knows the worth of counts as large."""
    price = await fresh_usd_price(asset=asset)
    return price is None or amount * price > settings().large_deposit_usd


def _amount(value: Decimal, places: int) -> str:
    return f"{value:,.{places}f}"
