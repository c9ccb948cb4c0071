"""What each role sees first."""

from __future__ import annotations

from litestar import Controller, get

from app.domains.investments.queries.dashboards import (
    approvals_page,
    holdings_page,
    settlement_page,
)
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of


class Dashboards(Controller):
    """What each role sees first."""

    @get("/holdings", guards=[requires("redemption:request")])
    @transactional(read_only=True)
    async def holdings(self, request: PortalRequest) -> Page:
        return Page(
            "investments/holdings.html",
            {"page": await holdings_page()},
            blocks=["holdings"],
            topics=[f"client:{viewer_of(request).actor.id}"],
        )

    @get("/approvals", guards=[requires("redemption:approve", "redemption:clear")])
    @transactional(read_only=True)
    async def approvals(self, request: PortalRequest) -> Page:
        viewer = viewer_of(request)
        clears = viewer.actor.may("redemption:clear")
        topic = "redemptions" if clears else f"rm:{viewer.actor.id}"
        return Page(
            "investments/approvals.html",
            {
                "page": await approvals_page(time_zone=viewer.time_zone),
                "clears": clears,
                "topic": topic,
            },
            blocks=["queue"],
            topics=[topic],
        )

    @get("/settlement", guards=[requires("redemption:settle")])
    @transactional(read_only=True)
    async def settlement(self, request: PortalRequest) -> Page:
        return Page(
            "investments/settlement.html",
            {"page": await settlement_page()},
            blocks=["queue", "balances"],
            topics=["settlement"],
        )
