"""How an amount was computed: a page of its own, and the block that opens beside the amount."""

from __future__ import annotations

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from app.domains.investments.forms import required_id
from app.domains.investments.queries.explanations.accounts import explain_account
from app.domains.investments.queries.explanations.allowances import explain_allowance
from app.domains.investments.queries.explanations.clients import explain_client
from app.domains.investments.queries.explanations.explanation import Explanation
from app.domains.investments.queries.explanations.holdings import explain_holding
from app.domains.investments.queries.explanations.redemptions import (
    explain_quote,
    explain_redemption,
)
from app.domains.investments.queries.explanations.totals import explain_totals
from app.domains.investments.queries.explanations.vaults import explain_vault
from app.web.guards import requires
from app.web.rendering import Page
from app.web.statement_place import read_place
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
        redemption: FromQuery[str | None] = None,
    ) -> Page:
        """`redemption` is what the vault may be short of."""
        found = await explain_vault(
            account_id=required_id(account_id),
            amount=amount,
            redemption_id=required_id(redemption) if redemption else None,
        )
        return _page([found])

    @get("/quotes/{quote_id:str}", guards=[requires("redemption:request")])
    @transactional(read_only=True, isolation="repeatable read")
    async def quote(
        self, request: PortalRequest, quote_id: FromPath[str], amount: FromQuery[str] = "net"
    ) -> Page:
        return _page([await explain_quote(quote_id=required_id(quote_id), amount=amount)])

    @get("/allowances/{subscription_id:str}", guards=[requires("redemption:request")])
    @transactional(read_only=True, isolation="repeatable read")
    async def allowance(self, request: PortalRequest, subscription_id: FromPath[str]) -> Page:
        return _page([await explain_allowance(subscription_id=required_id(subscription_id))])

    @get("/clients/{client_id:str}", guards=[requires("client:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def client(
        self,
        request: PortalRequest,
        client_id: FromPath[str],
        amount: FromQuery[str] = "usd",
        asset: FromQuery[str] = "",
    ) -> Page:
        found = await explain_client(client_id=required_id(client_id), amount=amount, asset=asset)
        return _page([found])

    @get("/accounts/{account_id:str}", guards=[requires("ledger:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def account(
        self, request: PortalRequest, account_id: FromPath[str], at: FromQuery[str | None] = None
    ) -> Page:
        """`at` is a posting's place in the statement: then what was there after it."""
        found = await explain_account(account_id=required_id(account_id), at=read_place(at))
        return _page([found])

    @get("/totals", guards=[requires("redemption:read")])
    @transactional(read_only=True, isolation="repeatable read")
    async def totals(
        self, request: PortalRequest, total: FromQuery[str] = "", asset: FromQuery[str] = ""
    ) -> Page:
        """Without a name: all of the viewer's own."""
        return _page(await explain_totals(total=total, asset=asset))


def _page(found: list[Explanation]) -> Page:
    return Page("investments/explanation.html", {"explanations": found}, blocks=["explanation"])
