"""What the custodian's answer does to a payout and its redemption.

`begin_payout` commits before anything is sent, so that an attempt which died is seen as one that
may have been sent. The payout's row lock makes two workers take turns.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from app.domains.investments.books import BookAccount, book_accounts
from app.domains.investments.operations.redemption_hold import hold_if_barred
from app.domains.investments.operations.redemption_trail import (
    leave_trail,
    lock_redemption,
    move,
)
from app.domains.investments.policy import BARRIER_NOTES, barriers_of
from app.domains.investments.values import (
    PayoutState,
    RedemptionState,
    SubscriptionState,
)
from app.integrations.custody.port import PayoutInstruction
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.deadlines import stop_deadline
from app.kernel.jobs import enqueue
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.queries import balances, lock_balances
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import ZERO

READ_JOB = "investments.read_custody_balances"


class Halt(Enum):
    """Why nothing is to be sent: the payout is over, or its redemption on hold."""

    over = "over"
    held = "held"


async def begin_payout(*, payout_id: UUID) -> tuple[PayoutInstruction, PayoutState] | Halt:
    """What to send, and the state the payout was in before.

    A pending payout becomes `sent`, its redemption `in_transit`, or `on_hold` where its client or
    destination may no longer be paid: commit this before sending.
    """
    payout = await _lock_payout(payout_id)
    before = PayoutState(payout["state"])
    if before in (PayoutState.confirmed, PayoutState.refused):
        return Halt.over
    redemption = await lock_redemption(redemption_id=payout["redemption_id"])
    if redemption["state"] == RedemptionState.on_hold:
        return Halt.held
    way = await _lock_way(redemption)
    if before is PayoutState.pending:
        if await hold_if_barred(dict(redemption) | dict(way), found="when it was to be sent"):
            return Halt.held
        await _set_payout(payout_id, PayoutState.sent)
        await move(redemption, RedemptionState.in_transit, event="sent")
    instruction = PayoutInstruction(
        idempotency_key=str(payout_id),
        source_reference=way["source"],
        destination_address=way["address"],
        network=way["network"],
        asset=redemption["asset"],
        amount=payout["amount"],
    )
    return instruction, before


async def _lock_way(redemption: Any) -> Any:
    """From where to where it is paid, and what bars that: as it stands until this commits.

    Shared locks, so that what compliance or the client records at the same moment comes first and
    is seen here, or comes after the payout was on record as sent.
    """
    row = await fetch_row(
        "SELECT a.reference AS source, d.address, d.network, c.kyc, c.kyc_expires_at, c.standing,"
        " d.revoked_at IS NOT NULL AS destination_revoked FROM redemption r"
        " JOIN custody_account a ON a.id = r.source_account_id"
        " JOIN destination d ON d.id = r.destination_id JOIN client c ON c.id = r.client_id"
        " WHERE r.id = $1 FOR SHARE OF c, d",
        redemption["id"],
    )
    assert row is not None, "a redemption in settlement has a source and a destination"
    return row


async def withhold_payout(*, payout_id: UUID) -> bool:
    """Whether a payout that may have been sent must not be sent again: its client or destination
    may no longer be paid. Said once on the timeline; what was sent before may still arrive.
    """
    payout = await _lock_payout(payout_id)
    redemption = await lock_redemption(redemption_id=payout["redemption_id"])
    bars = barriers_of(await _lock_way(redemption), now=current().now)
    if not bars or redemption["state"] != RedemptionState.in_transit:
        return False
    note = ". ".join(BARRIER_NOTES[bar] for bar in bars)
    if payout["reason"] != note:
        await _set_payout(payout_id, PayoutState(payout["state"]), reason=note)
        await leave_trail(
            redemption_id=redemption["id"],
            of=redemption,
            event="payout_withheld",
            note=note,
            before=None,
            after={"payout": payout["state"]},
        )
    return True


async def note_reference(*, payout_id: UUID, reference: str) -> None:
    """Keep the custodian's reference of a payout that it took on."""
    await execute(
        "UPDATE payout SET reference = $2, state = $3 WHERE id = $1 AND state <> 'confirmed'",
        payout_id,
        reference,
        PayoutState.sent.value,
    )


async def mark_unknown(*, payout_id: UUID, reason: str) -> None:
    """The custodian did not answer: it is asked before anything is sent again."""
    payout = await _lock_payout(payout_id)
    if payout["state"] != PayoutState.sent:
        return
    await _set_payout(payout_id, PayoutState.unknown, reason=reason)
    redemption = await lock_redemption(redemption_id=payout["redemption_id"])
    await leave_trail(
        redemption_id=redemption["id"],
        of=redemption,
        event="payout_unknown",
        note="The custodian did not answer; it is asked again before anything is sent",
        before={"payout": payout["state"]},
        after={"payout": PayoutState.unknown.value},
    )


async def refuse_payout(*, payout_id: UUID, reason: str) -> None:
    """The custodian refused for certain: no balance changed, the assets stay set aside."""
    payout = await _lock_payout(payout_id)
    if payout["state"] in (PayoutState.confirmed, PayoutState.refused):
        return
    await _set_payout(payout_id, PayoutState.refused, reason=reason)
    redemption = await lock_redemption(redemption_id=payout["redemption_id"])
    await move(redemption, RedemptionState.payout_failed, event="payout_failed", note=reason)


async def settle_payout(*, payout_id: UUID, reference: str, network_fee: Decimal) -> None:
    """The custodian confirmed: units are burnt, the debt is settled, fees are earned. One entry.

    Settling again changes nothing. A payout that was taken for unknown may be confirmed as well.
    """
    payout = await _lock_payout(payout_id)
    if payout["state"] == PayoutState.confirmed:
        return
    await execute(
        "UPDATE payout SET state = $2, reference = $3, reason = '' WHERE id = $1",
        payout_id,
        PayoutState.confirmed.value,
        reference,
    )
    redemption = await lock_redemption(redemption_id=payout["redemption_id"])
    await _post_settlement(redemption, network_fee)
    await move(
        redemption,
        RedemptionState.completed,
        event="completed",
        note=f"Custodian's reference {reference}",
        changes={"completed_at": current().now, "reserved": ZERO},
    )
    await stop_deadline(
        subject_kind="redemption", subject_id=redemption["id"], kind="payout", outcome="met"
    )
    await _close_subscription(redemption)
    await _order_reading()


async def open_payout(*, payout_id: UUID) -> str:
    """The redemption's reference while the payout is neither confirmed nor refused; else nothing.

    No lock: what is over stays over.
    """
    row = await fetch_row(
        "SELECT r.reference, y.state FROM payout y JOIN redemption r ON r.id = y.redemption_id"
        " WHERE y.id = $1",
        payout_id,
    )
    if row is None or row["state"] in (PayoutState.confirmed, PayoutState.refused):
        return ""
    return str(row["reference"])


async def _order_reading() -> None:
    """The vault holds less now: the trader's page should not wait for the next regular reading.

    One that has not begun yet will see this payout as well.
    """
    waiting = await fetch_value(
        "SELECT 1 FROM job WHERE kind = $1 AND state = 'pending' LIMIT 1", READ_JOB
    )
    if not waiting:
        await enqueue(kind=READ_JOB, payload={})


async def _lock_payout(payout_id: UUID) -> Any:
    """The redemption's row first, as everywhere, so that no two orders of locking exist."""
    redemption_id = await fetch_value("SELECT redemption_id FROM payout WHERE id = $1", payout_id)
    await execute("SELECT 1 FROM redemption WHERE id = $1 FOR UPDATE", redemption_id)
    payout = await fetch_row("SELECT * FROM payout WHERE id = $1 FOR UPDATE", payout_id)
    assert payout is not None, "payouts are never deleted"
    return payout


async def _set_payout(payout_id: UUID, state: PayoutState, *, reason: str = "") -> None:
    await execute(
        "UPDATE payout SET state = $2, reason = $3 WHERE id = $1", payout_id, state.value, reason
    )


async def _post_settlement(redemption: Any, network_fee: Decimal) -> None:
    book = await book_accounts(book_id=redemption["book_id"], asset=redemption["asset"])
    source = await fetch_row(
        "SELECT available_account_id, reserved_account_id FROM custody_account WHERE id = $1",
        redemption["source_account_id"],
    )
    assert source is not None, "a redemption in settlement has a source"
    # The network took what it took: what was set aside beyond it is free again; what was not set
    # aside comes out of what is free, and where too little is, it is owed: the client is paid, and
    # that must be on record.
    left = redemption["reserved"] - redemption["net"] - network_fee
    short = ZERO
    if left < ZERO:
        available = source["available_account_id"]
        free = (await lock_balances(account_ids=[available]))[available]
        short = max(ZERO, -left - free)
    postings = [
        Posting(book[BookAccount.redemptions_owed], redemption["gross"]),
        Posting(book[BookAccount.penalty_income], -redemption["early_exit_penalty"]),
        Posting(book[BookAccount.redemption_fee_income], -redemption["redemption_fee"]),
        Posting(book[BookAccount.network_fee_expense], network_fee),
        Posting(source["reserved_account_id"], -redemption["reserved"]),
        Posting(source["available_account_id"], left + short),
        Posting(book[BookAccount.network_fees_short], -short),
        Posting(redemption["struck_account_id"], -redemption["units"]),
        Posting(book[BookAccount.units_issued], redemption["units"]),
    ]
    await post_entries(
        entries=[
            Entry(
                book_id=redemption["book_id"],
                idempotency_key=f"redemption:{redemption['id']}:settle",
                operation="redemption.settle",
                subject_kind="redemption",
                subject_id=redemption["id"],
                effective_on=local_date(current().now, redemption["time_zone"]),
                narrative="Paid out",
                postings=[posting for posting in postings if posting.amount != ZERO],
            )
        ]
    )


async def _close_subscription(redemption: Any) -> None:
    """A subscription with no units left is over."""
    accounts = [redemption[f"{kind}_account_id"] for kind in ("free", "locked", "struck")]
    held = await balances(account_ids=accounts)
    if any(held.values()):
        return
    matured = await fetch_value(
        "SELECT matures_on <= $2 FROM subscription WHERE id = $1",
        redemption["subscription_id"],
        redemption["requested_on"],
    )
    state = SubscriptionState.paid if matured else SubscriptionState.redeemed_early
    await execute(
        "UPDATE subscription SET state = $2 WHERE id = $1",
        redemption["subscription_id"],
        state.value,
    )
