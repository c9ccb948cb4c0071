"""A client asks to redeem: the units are locked, their relationship manager is asked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.domains.investments.calculations.redemption import Computed
from app.domains.investments.operations.redemption_admit import check_limits, check_may_ask
from app.domains.investments.operations.redemption_clearance import screen_request
from app.domains.investments.operations.redemption_quote import Portion, units_of
from app.domains.investments.operations.redemption_trail import leave_trail
from app.domains.investments.queries.allowance import read_asking
from app.domains.investments.queries.positions import Lock, Position, compute, read_position
from app.domains.investments.values import DestinationKind, RedemptionState, Screened
from app.kernel.approvals.operations import request_approval
from app.kernel.approvals.values import Policy, Stage
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.deadlines import start_deadline
from app.kernel.errors import Conflict, InputInvalid, NotFound
from app.kernel.ids import new_id
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import plain

APPROVAL_TIME = timedelta(hours=24)
MARKS = (Decimal("0.5"), Decimal("0.8"), Decimal(1))


class QuoteExpired(Conflict):
    code = "QUOTE_EXPIRED"
    title = "This quote is no longer valid; ask for a new one"


async def request_redemption(
    *,
    subscription_id: UUID,
    portion: Portion,
    destination_id: UUID,
    quote_id: UUID | None = None,
) -> UUID:
    """Lock the units and ask the client's relationship manager. Returns the redemption's id.

    With a quote, its amounts are taken and it must still be valid. Raises `NotFound`,
    `ClientBarred`, `KycLapsed`, `NothingToRedeem`, `QuoteExpired`, `SingleLimit`, `DailyLimit`, and
    `InputInvalid` naming the field and the rule.
    """
    position = await _locked_position(subscription_id, portion)
    # And the client's makes two requests from two subscriptions count each other.
    asking = await read_asking(
        client_id=position.subscription["client_id"],
        product_id=position.subscription["product_id"],
        lock=True,
    )
    check_may_ask(asking)
    units = units_of(portion, position)
    await _check_destination(destination_id, position)
    computed = compute(position, units)
    if quote_id is not None:
        await _check_quote(quote_id, subscription_id, computed)
    if computed.net <= 0:
        raise InputInvalid.of("units", "NOTHING_LEFT", "Penalty and fee leave nothing to pay out")
    check_limits(asking.allowance, gross=computed.gross, field=portion.field)
    redemption_id = new_id()
    reasons, screened = await screen_request(
        asset=position.subscription["asset"], gross=computed.gross, earlier=asking.earlier
    )
    approval_id = await request_approval(
        subject_kind="redemption",
        subject_id=redemption_id,
        policy=_policy(position, needs_clearance=bool(reasons)),
    )
    await _insert(redemption_id, approval_id, destination_id, position, computed, reasons, screened)
    await _lock_units(redemption_id, position, units)
    await start_deadline(
        kind="approval",
        subject_kind="redemption",
        subject_id=redemption_id,
        due_in=APPROVAL_TIME,
        marks=MARKS,
    )
    await leave_trail(
        redemption_id=redemption_id,
        of=dict(position.subscription)
        | {"approver_membership_id": position.subscription["rm_membership_id"]},
        event="requested",
        note="",
        before=None,
        after={
            "state": RedemptionState.pending_approval.value,
            "units": plain(units),
            "net": plain(computed.net),
            "destination": str(destination_id),
            "clearance": reasons,
        },
    )
    return redemption_id


async def _locked_position(subscription_id: UUID, portion: Portion) -> Position:
    """The row lock makes two requests for the same units wait for each other; the floor of the free
    account would refuse the second even without it. Whoever asks for more than is free is told so
    while others have the lock: two hundred who want the last ten units do not queue for them.
    """
    try:
        return await read_position(subscription_id=subscription_id, lock=Lock.unless_taken)
    except NotFound:
        units_of(portion, await read_position(subscription_id=subscription_id))
        position = await read_position(subscription_id=subscription_id, lock=Lock.wait)
        units_of(portion, position)
        return position


def _policy(position: Position, *, needs_clearance: bool) -> Policy:
    manager = Stage(
        name="Relationship manager",
        permission="redemption:approve",
        approvers=[position.subscription["rm_membership_id"]],
    )
    compliance = Stage(name="Compliance", permission="redemption:clear")
    return Policy(stages=[manager, compliance] if needs_clearance else [manager])


async def _check_destination(destination_id: UUID, position: Position) -> None:
    row = await fetch_row(
        "SELECT asset, kind, network, usable_from, revoked_at FROM destination"
        " WHERE id = $1 AND client_id = $2 FOR SHARE",
        destination_id,
        position.subscription["client_id"],
    )
    if row is None:
        raise InputInvalid.of(
            "destination_id", "NOT_YOUR_DESTINATION", "Choose one of your own destinations"
        )
    if row["asset"] != position.subscription["asset"]:
        raise InputInvalid.of(
            "destination_id",
            "WRONG_ASSET",
            f"This destination takes {row['asset']}, not {position.subscription['asset']}",
        )
    network = position.subscription["network"]
    if row["kind"] == DestinationKind.wallet and row["network"] != network:
        raise InputInvalid.of(
            "destination_id", "WRONG_NETWORK", f"This product pays on {network} only"
        )
    if row["revoked_at"] is not None or row["usable_from"] > current().now:
        raise InputInvalid.of(
            "destination_id",
            "NOT_USABLE",
            "This destination is revoked, or was added less than 24 hours ago",
        )


async def _check_quote(quote_id: UUID, subscription_id: UUID, computed: Computed) -> None:
    """The quote is this subscription's, still valid, and says what is about to be recorded."""
    row = await fetch_row(
        "SELECT units, net, valid_until FROM redemption_quote"
        " WHERE id = $1 AND subscription_id = $2",
        quote_id,
        subscription_id,
    )
    if row is None:
        raise InputInvalid.of("quote_id", "UNKNOWN_QUOTE", "There is no such quote")
    if row["valid_until"] <= current().now:
        raise QuoteExpired
    if row["units"] != computed.units:
        raise InputInvalid.of("quote_id", "OTHER_QUOTE", "The quote was for another amount")
    if row["net"] != computed.net:
        raise QuoteExpired("The price moved since the quote; ask for a new one")


async def _insert(
    redemption_id: UUID,
    approval_id: UUID,
    destination_id: UUID,
    position: Position,
    computed: Computed,
    reasons: list[str],
    screened: Screened | None,
) -> None:
    unit = current()
    subscription: Any = position.subscription
    await execute(
        "INSERT INTO redemption (id, tenant_id, reference, version, subscription_id, product_id,"
        " client_id, destination_id, approval_id, reserved, units, principal_redeemed,"
        " yield_accrued, gross, early_exit_penalty, redemption_fee, net, nav_per_unit, nav_at,"
        " steps, state, requested_at, requested_on, approver_membership_id, clearance_reasons,"
        " screened_at_price)"
        " VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
        " $18, 'pending_approval', $19, $20, $21, $22, $23)",
        redemption_id,
        unit.tenant,
        await _next_reference(),
        subscription["id"],
        subscription["product_id"],
        subscription["client_id"],
        destination_id,
        approval_id,
        computed.units,
        computed.principal_redeemed,
        computed.yield_accrued,
        computed.gross,
        computed.early_exit_penalty,
        computed.redemption_fee,
        computed.net,
        position.price.nav_per_unit,
        position.priced_at,
        msgspec.to_builtins(computed.steps),
        unit.now,
        local_date(unit.now, subscription["time_zone"]),
        subscription["rm_membership_id"],
        reasons,
        None if screened is None else msgspec.to_builtins(screened),
    )


async def _next_reference() -> str:
    """`R-2026-000017`: counted per tenant and year, without gaps."""
    unit = current()
    number = await fetch_value(
        "INSERT INTO redemption_counter (tenant_id, year, last) VALUES ($1, $2, 1)"
        " ON CONFLICT (tenant_id, year) DO UPDATE SET last = redemption_counter.last + 1"
        " RETURNING last",
        unit.tenant,
        unit.now.year,
    )
    return f"R-{unit.now.year}-{number:06}"


async def _lock_units(redemption_id: UUID, position: Position, units: Decimal) -> None:
    subscription: Any = position.subscription
    await post_entries(
        entries=[
            Entry(
                book_id=subscription["book_id"],
                idempotency_key=f"redemption:{redemption_id}:lock",
                operation="redemption.request",
                subject_kind="redemption",
                subject_id=redemption_id,
                effective_on=position.valued_on,
                narrative="Units locked",
                postings=[
                    Posting(subscription["free_account_id"], -units),
                    Posting(subscription["locked_account_id"], units),
                ],
            )
        ]
    )
