"""A change to a clock is proposed by one and decided by another, without scripts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.kernel.approvals.operations import decide
from app.kernel.approvals.values import Decision
from app.kernel.deadlines import propose_extension
from tests.forms.routes import CLOCKS
from tests.forms.walk import Walk
from tests.forms.work import hold
from tests.operations.test_deadline_changes import approved, clock_of
from tests.support.desk import Desk

REASON = {"Reason": "The venue is closed"}
SAY_WHY = "Say why"


async def test_a_clock_is_changed_without_a_script(walk: Walk, desk: Desk) -> None:
    redemption_id = await approved(desk)
    await _more_time(walk, desk, redemption_id)
    await _decided(walk, desk, redemption_id)
    await _pause(walk, desk, redemption_id)
    walk.finish(CLOCKS)


def _typed(end: datetime, **later: float) -> dict[str, str]:
    """The tenant of a test keeps UTC."""
    return {"New end": f"{end + timedelta(**later):%Y-%m-%dT%H:%M}"}


async def _more_time(walk: Walk, desk: Desk, redemption_id: UUID) -> None:
    clock = await clock_of(desk, redemption_id)
    page = await walk.to("ops", "/deadlines", f"/deadlines/{clock['id']}")
    form = page.form("See what it comes to").fill(REASON | _typed(clock["due_at"], hours=-1))
    page = await walk.refused("ops", form, "Must be later", field="New end")
    form = form.again(page.document).fill(_typed(clock["due_at"], days=1))
    page = await walk.previewed("ops", form, "What it comes to")

    # Meanwhile somebody else was faster, and asked for more.
    await _extended(desk, clock, days=2)
    refused = await walk.refused(
        "ops", page.form("Propose 1 d more"), "Must be later", field="New end", gone=True
    )
    form = form.again(refused.document)
    for label, text in (REASON | _typed(clock["due_at"], days=1)).items():
        assert form.value(label) == text
    page = await walk.previewed(
        "ops", form.fill(_typed(clock["due_at"], days=3)), "What it comes to"
    )
    await walk.done("ops", page.form("Propose 1 d more"), "Waits for a decision")


async def _extended(desk: Desk, clock: Any, **later: float) -> None:
    async with desk.working("ops"):
        approval_id = await propose_extension(
            deadline_id=clock["id"],
            due_at=clock["due_at"] + timedelta(**later),
            reason="The bank is closed",
        )
    async with desk.working("compliance"):
        await decide(approval_id=approval_id, decision=Decision.approve, note="")


async def _decided(walk: Walk, desk: Desk, redemption_id: UUID) -> None:
    clock = await clock_of(desk, redemption_id)
    page = await walk.to("compliance", "/deadlines", f"/deadlines/{clock['id']}")
    page = await walk.refused("compliance", page.form("Reject"), SAY_WHY, field="Note")
    form = page.form("Reject").fill({"Note": "Two days are enough"})
    await walk.done("compliance", form, "Two days are enough")

    async with desk.working("ops"):
        approval_id = await propose_extension(
            deadline_id=clock["id"],
            due_at=clock["due_at"] + timedelta(hours=1),
            reason="An hour, then",
        )
    page = await walk.to("compliance", "/deadlines", f"/deadlines/{clock['id']}")
    form = page.form("Approve").fill({"Note": "That much"})
    async with desk.working("compliance"):  # in another window
        await decide(approval_id=approval_id, decision=Decision.approve, note="")
    await walk.refused("compliance", form, "approved already", gone=True)


async def _pause(walk: Walk, desk: Desk, redemption_id: UUID) -> None:
    await hold(desk, redemption_id)
    clock = await clock_of(desk, redemption_id)
    way = ("/deadlines", f"/deadlines/{clock['id']}")
    page = await walk.to("compliance", *way)
    form = page.form("Propose a pause").fill({"Reason": " "})
    page = await walk.refused("compliance", form, SAY_WHY, field="Reason")
    await walk.done("compliance", form.again(page.document).fill(REASON), "Waits for a decision")
    page = await walk.to("ops", *way)
    await walk.done("ops", page.form("Approve"), "Paused")

    page = await walk.to("compliance", *way)
    form = page.form("Propose to run on").fill({"Reason": " "})
    page = await walk.refused("compliance", form, SAY_WHY, field="Reason")
    await walk.done("compliance", form.again(page.document).fill(REASON), "Waits for a decision")
