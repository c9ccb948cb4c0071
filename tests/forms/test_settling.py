"""A trader's forms without scripts."""

from __future__ import annotations

from app.domains.investments.operations.redemption_quote import Portion
from tests.forms.routes import SETTLING
from tests.forms.walk import Walk
from tests.forms.work import meanwhile
from tests.investments import steps
from tests.support.custody_sandbox import Control
from tests.support.desk import Desk
from tests.support.drain import drain


async def test_a_trader_needs_no_script(walk: Walk, desk: Desk, sandbox: Control) -> None:
    redemption_id = await steps.request(desk, portion=Portion(units="10"))
    await steps.decide(desk, redemption_id)
    await drain()
    page = await walk.to("trader", f"/redemptions/{redemption_id}")
    await meanwhile(desk, redemption_id)
    form = page.form("Mark ready").choose("Staging vault").fill({"Note": "From the cold vault"})
    page = await walk.refused("trader", form, "changed while you looked")
    await walk.done("trader", form.again(page.document), "Ready for payout")

    sandbox.next("refuse")
    await drain()
    page = await walk.to("trader", f"/redemptions/{redemption_id}")
    await meanwhile(desk, redemption_id)
    page = await walk.refused("trader", page.form("Retry payout"), "changed while you looked")
    await walk.done("trader", page.form("Retry payout"), "Ready for payout")
    walk.finish(SETTLING)
