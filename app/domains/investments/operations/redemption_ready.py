"""The trader says that the assets are in the staging vault: they are set aside, then paid out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.investments.operations.redemption_hold import hold_if_barred
from app.domains.investments.operations.redemption_trail import (
    check_step,
    lock_redemption,
    move,
)
from app.domains.investments.values import CustodyKind, PayoutState, RedemptionState
from app.kernel.clock import local_date
from app.kernel.database import current, execute, fetch_row, fetch_value
from app.kernel.errors import Conflict, InputInvalid, NotPermitted
from app.kernel.ids import new_id
from app.kernel.jobs import enqueue
from app.kernel.ledger.errors import BalanceTooLow
from app.kernel.ledger.operations import post_entries
from app.kernel.ledger.values import Entry, Posting
from app.kernel.money import plain
from app.kernel.notes import checked_note


class StagingTooLow(Conflict):
    code = "STAGING_TOO_LOW"
    title = "The staging vault holds too little that is free"


class ApproverSettles(NotPermitted):
    code = "APPROVER_SETTLES"
    title = "Whoever approved a redemption does not settle it"


async def mark_ready(
    *,
    redemption_id: UUID,
    source_account_id: UUID,
    note: str = "",
    version: int | None = None,
) -> None:
    """Reserve net and network fee in the staging vault, and order the payout, in one transaction.

    Where the client may not be paid it is put on hold in its place, and nothing is reserved. Raises
    `NotFound`, `WrongState`, `Changed`, `ApproverSettles`, `StagingTooLow`, and `InputInvalid` for a
    source that is not a staging vault of the product.
    """
    redemption = await lock_redemption(redemption_id=redemption_id)
    check_step(redemption, "ready", version=version)
    note = checked_note(note)
    await _check_not_approver(redemption)
    source = await fetch_row(
        "SELECT * FROM custody_account WHERE id = $1 AND product_id = $2 AND kind = $3",
        source_account_id,
        redemption["product_id"],
        CustodyKind.staging_vault.value,
    )
    if source is None:
        raise InputInvalid.of(
            "source_account_id", "NOT_A_STAGING_VAULT", "Choose a staging vault of this product"
        )
    if await hold_if_barred(redemption, found="at ready"):
        return
    await _reserve(redemption, source)
    await move(
        redemption,
        RedemptionState.ready,
        event="ready",
        note=note.strip(),
        changes={
            "source_account_id": source_account_id,
            "reserved": redemption["net"] + redemption["network_fee"],
        },
    )
    await order_payout(redemption)


async def _check_not_approver(redemption: Any) -> None:
    if await fetch_value(
        "SELECT 1 FROM approval_decision WHERE approval_id = $1 AND membership_id = $2",
        redemption["approval_id"],
        current().actor.id,
    ):
        raise ApproverSettles


async def _reserve(redemption: Any, source: Any) -> None:
    """Deposits that have no units yet are in an account of their own: they never fund a payout."""
    wanted = redemption["net"] + redemption["network_fee"]
    try:
        await post_entries(
            entries=[
                Entry(
                    book_id=redemption["book_id"],
                    idempotency_key=f"redemption:{redemption['id']}:reserve",
                    operation="redemption.ready",
                    subject_kind="redemption",
                    subject_id=redemption["id"],
                    effective_on=local_date(current().now, redemption["time_zone"]),
                    narrative="Assets set aside for payout",
                    postings=[
                        Posting(source["available_account_id"], -wanted),
                        Posting(source["reserved_account_id"], wanted),
                    ],
                )
            ]
        )
    except BalanceTooLow as error:
        raise StagingTooLow(
            f"{source['name']} has less than {plain(wanted)} {redemption['asset']} free;"
            " bring more in, or choose another vault"
        ) from error


async def order_payout(redemption: Any) -> UUID:
    """Write the payout and the job that sends it. The payout's id is its key with the custodian."""
    unit = current()
    payout_id = new_id()
    await execute(
        "INSERT INTO payout (id, tenant_id, redemption_id, amount, state, reason, created_at)"
        " VALUES ($1, $2, $3, $4, $5, '', $6)",
        payout_id,
        unit.tenant,
        redemption["id"],
        redemption["net"],
        PayoutState.pending.value,
        unit.now,
    )
    await enqueue(kind="payout.send", payload={"payout_id": str(payout_id)}, key=str(payout_id))
    return payout_id
