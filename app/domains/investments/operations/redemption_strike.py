"""Price a redemption for good, or offer the client what has become of it; and take units back.

From the strike on a redemption is a debt, due within 36 hours. Where the net moved by more than
0.5% since the client last saw it, nobody strikes over their head: it is offered to them for 24
hours.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from app.domains.investments.books import BookAccount, book_accounts
from app.domains.investments.calculations.accrual import accrual_days, yield_accrued
from app.domains.investments.calculations.redemption import Computed, compute_redemption
from app.domains.investments.operations.redemption_request import MARKS
from app.domains.investments.operations.redemption_trail import move
from app.domains.investments.queries.positions import Position, read_any_position
from app.domains.investments.values import ProductKind, RedemptionState
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch_row
from app.kernel.deadlines import start_deadline, stop_deadline
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import ZERO

PAYOUT_TIME = timedelta(hours=36)
CLIENT_TIME = timedelta(hours=24)
# A net that moved further than this needs the client's word again.
MOVE_MAX = Decimal("0.005")


async def strike_or_offer(redemption: Any, *, note: str) -> RedemptionState:
    """Strike the locked redemption at today's figures, or offer them to the client.

    Returns the state that it is in afterwards: `approved` or `awaiting_client`.
    """
    position = await read_any_position(subscription_id=redemption["subscription_id"])
    computed = compute_redemption(
        units=redemption["units"],
        holding=position.holding,
        terms=position.terms,
        price=position.price,
        requested_on=redemption["requested_on"],
        valued_on=position.valued_on,
    )
    changes = {
        "principal_redeemed": computed.principal_redeemed,
        "yield_accrued": computed.yield_accrued,
        "gross": computed.gross,
        "early_exit_penalty": computed.early_exit_penalty,
        "redemption_fee": computed.redemption_fee,
        "net": computed.net,
        "nav_per_unit": position.price.nav_per_unit,
        "nav_at": position.priced_at,
        "steps": msgspec.to_builtins(computed.steps),
    }
    if abs(computed.net - redemption["net"]) > redemption["net"] * MOVE_MAX:
        return await _offer(redemption, changes, computed)
    await _post_strike(redemption, position, computed)
    await move(
        redemption,
        RedemptionState.approved,
        event="approved",
        note=note,
        changes=changes | {"struck_at": current().now},
    )
    await start_deadline(
        kind="payout",
        subject_kind="redemption",
        subject_id=redemption["id"],
        due_in=PAYOUT_TIME,
        marks=MARKS,
    )
    return RedemptionState.approved


async def _offer(redemption: Any, changes: dict[str, Any], computed: Computed) -> RedemptionState:
    """Show the client what it would be now; they accept, or it lapses and the units come back."""
    places = redemption["places"]
    await stop_deadline(
        subject_kind="redemption", subject_id=redemption["id"], kind="client", outcome="cancelled"
    )
    await move(
        redemption,
        RedemptionState.awaiting_client,
        event="awaiting_client",
        note=f"The net is {computed.net:,.{places}f} now, it was {redemption['net']:,.{places}f}",
        changes=changes,
    )
    await start_deadline(
        kind="client",
        subject_kind="redemption",
        subject_id=redemption["id"],
        due_in=CLIENT_TIME,
        marks=MARKS,
    )
    return RedemptionState.awaiting_client


async def _post_strike(redemption: Any, position: Position, computed: Computed) -> None:
    """The claim becomes a redemption owed; the yield of what stays is brought to the same day."""
    book = await book_accounts(book_id=redemption["book_id"], asset=redemption["asset"])
    units = redemption["units"]
    postings = [
        Posting(redemption["locked_account_id"], -units),
        Posting(redemption["struck_account_id"], units),
        Posting(book[BookAccount.redemptions_owed], -computed.gross),
    ]
    remaining = position.holding.principal - computed.principal_redeemed
    accrued_after = ZERO
    if redemption["kind"] == ProductKind.fixed_yield:
        accrued_after = _yield_of(remaining, position, position.valued_on)
        accrual = computed.yield_accrued + accrued_after - position.subscription["accrued"]
        postings += [
            Posting(book[BookAccount.yield_expense], accrual),
            Posting(redemption["yield_account_id"], computed.yield_accrued - accrual),
            Posting(redemption["claim_account_id"], computed.principal_redeemed),
        ]
    else:
        postings.append(Posting(redemption["claim_account_id"], computed.gross))
    await post_entries(
        entries=[
            Entry(
                book_id=redemption["book_id"],
                idempotency_key=f"redemption:{redemption['id']}:strike",
                operation="redemption.approve",
                subject_kind="redemption",
                subject_id=redemption["id"],
                effective_on=position.valued_on,
                narrative="Redemption struck",
                postings=[posting for posting in postings if posting.amount != ZERO],
            )
        ]
    )
    await execute(
        "UPDATE subscription SET principal = $2, accrued = $3, accrued_through = $4 WHERE id = $1",
        redemption["subscription_id"],
        remaining,
        accrued_after,
        position.valued_on,
    )


def _yield_of(principal: Decimal, position: Position, today: date) -> Decimal:
    days = accrual_days(
        activated_on=position.terms.activated_on,
        matures_on=position.terms.matures_on,
        today=today,
    )
    return yield_accrued(
        principal=principal, apy=position.terms.apy, days=days, places=position.terms.places
    )


async def return_units(redemption: Any, *, operation: str) -> None:
    """Unlock the units of a redemption that ends before it is struck."""
    position = await read_any_position(subscription_id=redemption["subscription_id"])
    await post_entries(
        entries=[
            Entry(
                book_id=redemption["book_id"],
                idempotency_key=f"redemption:{redemption['id']}:return",
                operation=operation,
                subject_kind="redemption",
                subject_id=redemption["id"],
                effective_on=position.valued_on,
                narrative="Units returned",
                postings=[
                    Posting(redemption["locked_account_id"], -redemption["units"]),
                    Posting(redemption["free_account_id"], redemption["units"]),
                ],
            )
        ]
    )


async def unstrike(redemption: Any) -> None:
    """Undo the strike of a held redemption that is given up: the claim is the client's again.

    The yield that the redeemed part would have earned since the strike comes with the next accrual;
    what was set aside in the staging vault is free again.
    """
    book = await book_accounts(book_id=redemption["book_id"], asset=redemption["asset"])
    fixed = redemption["kind"] == ProductKind.fixed_yield
    claim = redemption["principal_redeemed"] if fixed else redemption["gross"]
    postings = [
        Posting(redemption["struck_account_id"], -redemption["units"]),
        Posting(redemption["free_account_id"], redemption["units"]),
        Posting(book[BookAccount.redemptions_owed], redemption["gross"]),
        Posting(redemption["claim_account_id"], -claim),
    ]
    if fixed:
        postings.append(Posting(redemption["yield_account_id"], -redemption["yield_accrued"]))
    if redemption["reserved"] != ZERO:
        source = await fetch_row(
            "SELECT available_account_id, reserved_account_id FROM custody_account WHERE id = $1",
            redemption["source_account_id"],
        )
        assert source is not None, "what is reserved is reserved somewhere"
        postings += [
            Posting(source["reserved_account_id"], -redemption["reserved"]),
            Posting(source["available_account_id"], redemption["reserved"]),
        ]
    # Locked, as every change of a subscription's figures is.
    await read_any_position(subscription_id=redemption["subscription_id"])
    await post_entries(
        entries=[
            Entry(
                book_id=redemption["book_id"],
                idempotency_key=f"redemption:{redemption['id']}:unstrike",
                operation="redemption.cancel",
                subject_kind="redemption",
                subject_id=redemption["id"],
                effective_on=local_date(current().now, redemption["time_zone"]),
                narrative="Strike undone, units returned",
                postings=[posting for posting in postings if posting.amount != ZERO],
            )
        ]
    )
    await execute(
        "UPDATE subscription SET principal = principal + $2, accrued = accrued + $3 WHERE id = $1",
        redemption["subscription_id"],
        redemption["principal_redeemed"],
        redemption["yield_accrued"],
    )
