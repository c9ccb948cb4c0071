"""Send a payout through the custodian, and settle it once it is confirmed. Never paid twice.

That it may have been sent is on record before it is; the custodian is asked for its outcome before
it is sent again, and then under the same key.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from app.domains.investments.operations.payout_settle import (
    Halt,
    begin_payout,
    mark_unknown,
    note_reference,
    open_payout,
    refuse_payout,
    settle_payout,
    withhold_payout,
)
from app.domains.investments.values import PayoutState
from app.integrations.custody import custody
from app.integrations.custody.port import (
    CustodyUnavailable,
    KeyTaken,
    OutcomeUnknown,
    PayoutInstruction,
    PayoutProgress,
    PayoutRefused,
    PayoutStatus,
)
from app.kernel.jobs import FailedForGood, OutsideCall, RetryLater, outside_job

# A custodian confirms within seconds or takes its time: look closely at first, then now and then.
POLL_SECONDS = 0.2
POLLING_SECONDS = 10.0
# A payout that was sent is not given up on by itself: half a day of attempts before it is buried.
ATTEMPTS_MAX = 200
RETRY_UNAVAILABLE_SECONDS = 2.0
RETRY_UNKNOWN_SECONDS = 1.0
RETRY_SUBMITTED_SECONDS = 5.0
RETRY_HELD_SECONDS = 5.0
RETRY_WITHHELD_SECONDS = 30.0


async def kept_while(payload: dict[str, Any]) -> str:
    """Nothing but this job asks the custodian what became of a payout, and settles it."""
    reference = await open_payout(payout_id=UUID(payload["payout_id"]))
    if not reference:
        return ""
    return (
        f"The payout of {reference} may still be carried out, and nothing else asks the custodian for"
        " its outcome: compare with the custodian, mend the cause, and run it again"
    )


@outside_job(
    "payout.send",
    attempts_max=ATTEMPTS_MAX,
    timeout_seconds=60,
    undone="Nothing: its payout is over, confirmed or refused",
    kept_while=kept_while,
)
async def send_payout(call: OutsideCall) -> None:
    payout_id = UUID(call.payload["payout_id"])
    async with call.unit_of_work():
        begun = await begin_payout(payout_id=payout_id)
    if begun is Halt.over:
        return
    if begun is Halt.held:
        raise RetryLater(RETRY_HELD_SECONDS, "redemption on hold")
    instruction, before = begun
    try:
        status = await _ask_or_send(call, payout_id, instruction, before)
        if status.state is PayoutProgress.submitted:
            async with call.unit_of_work():
                await note_reference(payout_id=payout_id, reference=status.reference)
            status = await _until_decided(status)
    except PayoutRefused as refusal:
        if before is PayoutState.pending or refusal.binds_key:
            async with call.completing():
                await refuse_payout(payout_id=payout_id, reason=refusal.reason)
            return
        # An earlier request may still arrive, and be carried out: this refusal says nothing of it.
        async with call.unit_of_work():
            await mark_unknown(payout_id=payout_id, reason=refusal.reason)
        raise RetryLater(RETRY_UNKNOWN_SECONDS, "an earlier request is open") from refusal
    except KeyTaken as error:
        raise FailedForGood("two instructions under one key: a person must look") from error
    except OutcomeUnknown as error:
        async with call.unit_of_work():
            await mark_unknown(payout_id=payout_id, reason=str(error))
        raise RetryLater(RETRY_UNKNOWN_SECONDS, "outcome unknown") from error
    except CustodyUnavailable as error:
        raise RetryLater(RETRY_UNAVAILABLE_SECONDS, "custodian not answering") from error
    await _conclude(call, payout_id, status)


async def _ask_or_send(
    call: OutsideCall, payout_id: UUID, instruction: PayoutInstruction, before: PayoutState
) -> PayoutStatus:
    if before is not PayoutState.pending:
        known = await custody().lookup_payout(
            idempotency_key=instruction.idempotency_key, expecting=instruction
        )
        if known is not None:
            return known
        async with call.unit_of_work():
            withheld = await withhold_payout(payout_id=payout_id)
        if withheld:
            raise RetryLater(RETRY_WITHHELD_SECONDS, "the client may not be paid at present")
    return await custody().send_payout(instruction=instruction)


async def _until_decided(status: PayoutStatus) -> PayoutStatus:
    until = asyncio.get_running_loop().time() + POLLING_SECONDS
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(POLL_SECONDS)
        found = await custody().payout_status(reference=status.reference)
        if found is not None and found.state is not PayoutProgress.submitted:
            return found
    return status


async def _conclude(call: OutsideCall, payout_id: UUID, status: PayoutStatus) -> None:
    if status.state is PayoutProgress.submitted:
        raise RetryLater(RETRY_SUBMITTED_SECONDS, "not confirmed yet")
    async with call.completing():
        if status.state is PayoutProgress.confirmed:
            await settle_payout(
                payout_id=payout_id, reference=status.reference, network_fee=status.network_fee
            )
        else:
            await refuse_payout(payout_id=payout_id, reason=status.reason)
