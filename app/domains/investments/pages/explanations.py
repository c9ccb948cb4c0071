"""How an amount was computed: a page of its own, and the block that opens beside the amount."""

from __future__ import annotations

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from app.domains.investments.forms import required_id
from app.domains.investments.queries.explanations.explanation import Explanation
from app.domains.investments.queries.explanations.holdings import explain_holding
from app.domains.investments.queries.explanations.redemptions import explain_redemption
from app.domains.investments.queries.explanations.totals import explain_totals
from app.domains.investments.queries.explanations.vaults import explain_vault
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest


class Explanations(Controller):
    """Each reads all of one moment: what is posted meanwhile would look like a fault."""

    path = "/explain"

    @get("/redemptions/{redemption_id:str}", guards=[requires("redemption:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def redemption(
        self, request: PortalRequest, redemption_id: FromPath[str], amount: FromQuery[str] = "net"
    ) -> Page:
        found = await explain_redemption(redemption_id=required_id(redemption_id), amount=amount)
        return _page([found])

    @get("/holdings/{subscription_id:str}", guards=[requires("subscription:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def holding(
        self,
        request: PortalRequest,
        subscription_id: FromPath[str],
        amount: FromQuery[str] = "value",
    ) -> Page:
        found = await explain_holding(subscription_id=required_id(subscription_id), amount=amount)
        return _page([found])

    @get("/vaults/{account_id:str}", guards=[requires("custody:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def vault(
        self,
        request: PortalRequest,
        account_id: FromPath[str],
        amount: FromQuery[str] = "expected",
    ) -> Page:
        return _page([await explain_vault(account_id=required_id(account_id), amount=amount)])

    @get("/totals", guards=[requires("redemption:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def totals(
        self, request: PortalRequest, total: FromQuery[str] = "", asset: FromQuery[str] = ""
    ) -> Page:
        """Without a name: all of the viewer's own."""
        return _page(await explain_totals(total=total, asset=asset))


def _page(found: list[Explanation]) -> Page:
    return Page("investments/explanation.html", {"explanations": found}, blocks=["explanation"])
