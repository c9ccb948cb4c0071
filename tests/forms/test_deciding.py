"""What desks decide about a request, without scripts."""

from __future__ import annotations

from uuid import UUID

from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_quote import Portion
from tests.forms.routes import DECIDING
from tests.forms.walk import Walk
from tests.forms.work import hold, meanwhile
from tests.investments import steps
from tests.support.desk import Desk
from tests.support.plain_browser import PlainPage

SAID = {"Note": "Said so on the telephone"}
SAY_WHY = "Say why"


async def test_who_decides_needs_no_script(walk: Walk, desk: Desk) -> None:
    await _manager_decides(walk, desk)
    await _operations_reassign(walk, desk)
    await _compliance_decides(walk, desk)
    await _compliance_holds(walk, desk)
    walk.finish(DECIDING)


async def _request(desk: Desk, key: str = "yield") -> UUID:
    return await steps.request(desk, key=key, portion=Portion(units="10"))


async def _at(walk: Walk, login: str, redemption_id: UUID) -> PlainPage:
    return await walk.to(login, "/redemptions", f"/redemptions/{redemption_id}")


async def _manager_decides(walk: Walk, desk: Desk) -> None:
    first, second = await _request(desk), await _request(desk)
    page = await walk.to("rm", f"/redemptions/{first}")
    page = await walk.refused("rm", page.form("Reject"), SAY_WHY, field="Note")
    await walk.done("rm", page.form("Reject").fill(SAID), "Rejected")

    page = await walk.to("rm", f"/redemptions/{second}")
    await meanwhile(desk, second)
    form = page.form("Approve").fill(SAID)
    page = await walk.refused("rm", form, "changed while you looked")
    await walk.done("rm", form.again(page.document), "Approved")


async def _operations_reassign(walk: Walk, desk: Desk) -> None:
    waiting = await _request(desk)
    page = await _at(walk, "ops", waiting)
    form = page.form("Reassign").choose("Rm2").fill({"Note": " "})
    page = await walk.refused("ops", form, SAY_WHY, field="Note")
    await walk.done("ops", form.again(page.document).fill(SAID), "Given to another manager")
    async with desk.working("member"):
        await cancel_redemption(redemption_id=waiting)


async def _compliance_decides(walk: Walk, desk: Desk) -> None:
    # Of one client within a day: these are more than the two that pass without a look.
    first, second = await _request(desk), await _request(desk)
    for one in (first, second):
        await steps.decide(desk, one)
    page = await walk.to("compliance", f"/redemptions/{first}")
    page = await walk.refused("compliance", page.form("Decline"), SAY_WHY, field="Note")
    await walk.done("compliance", page.form("Decline").fill(SAID), "Rejected")

    page = await walk.to("compliance", f"/redemptions/{second}")
    await meanwhile(desk, second)
    form = page.form("Clear").fill(SAID)
    page = await walk.refused("compliance", form, "changed while you looked")
    await walk.done("compliance", form.again(page.document), "Approved")


async def _compliance_holds(walk: Walk, desk: Desk) -> None:
    waiting = await _request(desk)
    page = await _at(walk, "compliance", waiting)
    page = await walk.refused("compliance", page.form("Put on hold"), SAY_WHY, field="Note")
    page = await walk.done("compliance", page.form("Put on hold").fill(SAID), "On hold")
    page = await walk.refused("compliance", page.form("Resume"), SAY_WHY, field="Note")
    await walk.done("compliance", page.form("Resume").fill(SAID), "Pending approval")
    await hold(desk, waiting)
    page = await walk.to("compliance", f"/redemptions/{waiting}")
    page = await walk.refused("compliance", page.form("Cancel redemption"), SAY_WHY, field="Note")
    await walk.done("compliance", page.form("Cancel redemption").fill(SAID), "Cancelled")
