"""What is recorded of a client, and their tier, without scripts."""

from __future__ import annotations

from datetime import timedelta

from app.domains.investments.operations.client_standing_record import record_standing
from app.domains.investments.values import Standing
from tests.forms.routes import CLIENTS
from tests.forms.walk import Walk
from tests.investments import steps
from tests.support.desk import Desk

REASON = {"Reason": "Report 17"}
SAY_WHY = "Say why"


async def test_a_client_is_screened_without_a_script(walk: Walk, desk: Desk) -> None:
    client = f"/clients/{desk.clients['member']}"
    way = ("/clients", client, f"{client}/standing")
    page = await walk.to("compliance", *way)
    form = page.form("Record KYC").choose("Passed").fill(REASON)
    page = await walk.refused(
        "compliance", form, "Until which day", field="Last day it is good for"
    )
    day = await steps.seen_now(desk) + timedelta(days=500)
    form = form.again(page.document).fill({"Last day it is good for": f"{day:%Y-%m-%d}"})
    page = await walk.done("compliance", form, "Report 17")

    form = page.form("Record standing").choose("Sanctioned").fill({"Reason": " "})
    page = await walk.refused("compliance", form, SAY_WHY, field="Reason")
    form = form.again(page.document).fill(REASON)
    await walk.done("compliance", form, "Nothing is paid to Member")

    page = await walk.to("ops", *way)
    form = page.form("Ask compliance").choose("Premier").fill({"Reason": " "})
    page = await walk.refused("ops", form, SAY_WHY, field="Reason")
    await walk.done("ops", form.again(page.document).fill(REASON), "waits for compliance")

    page = await walk.to("compliance", f"{client}/standing")
    form = page.form("Refuse").fill({"Reason": " "})
    page = await walk.refused("compliance", form, SAY_WHY, field="Reason")
    await walk.done("compliance", form.again(page.document).fill(REASON), "Report 17")

    page = await walk.to("ops", *way)
    form = page.form("Ask compliance").choose("Institutional").fill(REASON)
    await walk.done("ops", form, "waits for compliance")
    page = await walk.to("compliance", f"{client}/standing")
    form = page.form("Approve institutional").fill(REASON)
    async with desk.working("compliance"):  # in another window
        await record_standing(
            client_id=desk.clients["member"], standing=Standing.good, note="A namesake"
        )
    page = await walk.refused("compliance", form, "was recorded while you looked")
    await walk.done("compliance", form.again(page.document), "Institutional")
    walk.finish(CLIENTS)
