"""The forms of the desks, of clients, clocks, people and jobs, ready to be sent: by route."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.domains.identity.operations.membership_change import deactivate_membership
from app.domains.investments.operations.client_tier_request import request_tier
from app.domains.investments.values import ClientTier
from app.kernel.approvals.operations import decide
from app.kernel.approvals.values import Decision
from app.kernel.database import fetch_row
from app.kernel.deadlines import propose_extension, propose_pause
from app.kernel.ids import new_id
from drills.press import Prepare, Press
from drills.redemption_forms import NOTE, approved
from drills.stage import Stage
from tests.forms.work import hold
from tests.investments import steps
from tests.operations.test_jobs import a_dead_job
from tests.support.desk import Desk

REASON = {"Reason": "The custodian is closed"}
CLOCK, CLIENT = "/deadlines/{deadline_id}", "/clients/{client_id}"


# What is recorded of a client.


def _of_client(desk: Desk, login: str, button: str, *choose: str, **more: str) -> Press:
    return Press(
        login,
        f"/clients/{desk.clients['member']}/standing",
        button,
        write={"Reason": "Report 17"} | more,
        choose=choose,
    )


async def _kyc(_: Stage, desk: Desk) -> Press:
    day = await steps.seen_now(desk) + timedelta(days=500)
    about = {"Last day it is good for": f"{day:%Y-%m-%d}"}
    return _of_client(desk, "compliance", "Record KYC", "Passed", **about)


async def _standing(_: Stage, desk: Desk) -> Press:
    return _of_client(desk, "compliance", "Record standing", "Deceased")


async def _tier(_: Stage, desk: Desk) -> Press:
    return _of_client(desk, "ops", "Ask compliance", "Premier")


def _tier_decided(button: str) -> Prepare:
    async def prepare(_: Stage, desk: Desk) -> Press:
        async with desk.working("ops"):
            await request_tier(
                client_id=desk.clients["member"], tier=ClientTier.premier, note="Asked for it"
            )
        return _of_client(desk, "compliance", button)

    return prepare


# Clocks.


async def _clock(desk: Desk, *, is_held: bool = False) -> tuple[UUID, timedelta]:
    """A payout's, and what is left of it in business time to the second."""
    redemption_id = await approved(desk)
    if is_held:
        await hold(desk, redemption_id)
    async with desk.working("ops") as unit:
        row = await fetch_row(
            "SELECT id, due_at FROM deadline WHERE subject_id = $1 AND kind = 'payout'",
            redemption_id,
        )
        assert row is not None
        return row["id"], row["due_at"] - unit.now


async def extend(_: Stage, desk: Desk) -> Press:
    clock, left = await _clock(desk)
    # The tenant of a drill keeps UTC.
    end = await steps.seen_now(desk) + left + timedelta(days=1)
    return Press(
        "ops",
        f"/deadlines/{clock}",
        "See what it comes to",
        write=REASON | {"New end": f"{end:%Y-%m-%dT%H:%M}"},
    )


async def _propose_more(stage: Stage, desk: Desk) -> Press:
    preview = await extend(stage, desk)
    return Press("ops", preview.page, "Propose", behind=preview)


async def _propose_pause(_: Stage, desk: Desk) -> Press:
    clock, _ = await _clock(desk, is_held=True)
    return Press("compliance", f"/deadlines/{clock}", "Propose a pause", write=REASON)


async def _propose_to_run_on(_: Stage, desk: Desk) -> Press:
    clock, _ = await _clock(desk, is_held=True)
    async with desk.working("compliance"):
        approval_id = await propose_pause(deadline_id=clock, reason="The venue is closed")
    async with desk.working("ops"):
        await decide(approval_id=approval_id, decision=Decision.approve, note="")
    return Press("compliance", f"/deadlines/{clock}", "Propose to run on", write=REASON)


def _clock_decided(button: str) -> Prepare:
    async def prepare(_: Stage, desk: Desk) -> Press:
        clock, left = await _clock(desk)
        async with desk.working("ops") as unit:
            await propose_extension(
                deadline_id=clock,
                due_at=unit.now + left + timedelta(hours=2),
                reason="The bank is closed",
            )
        return Press("compliance", f"/deadlines/{clock}", button, write=NOTE)

    return prepare


# People and jobs.


async def _role(_: Stage, desk: Desk) -> Press:
    page = f"/users/{desk.people['trader2'].id}"
    return Press("admin", page, "Change role", choose=("Operations",))


async def _deactivate(_: Stage, desk: Desk) -> Press:
    return Press("admin", f"/users/{desk.people['trader2'].id}", "Deactivate Trader2")


async def _reactivate(_: Stage, desk: Desk) -> Press:
    trader = desk.people["trader2"].id
    assert trader is not None
    async with desk.working("admin"):
        await deactivate_membership(membership_id=trader)
    return Press("admin", f"/users/{trader}", "Reactivate Trader2")


async def _a_dead_job(desk: Desk) -> UUID:
    """One that the workers of a drill can do when it is run again."""
    return await a_dead_job(desk, kind="drill.inside", payload={"name": str(new_id())})


async def _rerun(_: Stage, desk: Desk) -> Press:
    await _a_dead_job(desk)
    return Press("ops", "/jobs", "Run drill.inside again")


async def _discard(_: Stage, desk: Desk) -> Press:
    page = f"/jobs/{await _a_dead_job(desk)}/discard"
    return Press("ops", page, "Discard drill.inside", write={"Reason": "Nobody needs it"})


FORMS: dict[str, Prepare] = {
    f"{CLIENT}/kyc": _kyc,
    f"{CLIENT}/standing": _standing,
    f"{CLIENT}/tier": _tier,
    f"{CLIENT}/tier/approve": _tier_decided("Approve"),
    f"{CLIENT}/tier/reject": _tier_decided("Refuse"),
    f"{CLOCK}/extensions": _propose_more,
    f"{CLOCK}/pause": _propose_pause,
    f"{CLOCK}/resume": _propose_to_run_on,
    f"{CLOCK}/approve": _clock_decided("Approve"),
    f"{CLOCK}/reject": _clock_decided("Reject"),
    "/users/{membership_id}/role": _role,
    "/users/{membership_id}/deactivate": _deactivate,
    "/users/{membership_id}/reactivate": _reactivate,
    "/jobs/{job_id}/rerun": _rerun,
    "/jobs/{job_id}/discard": _discard,
}
