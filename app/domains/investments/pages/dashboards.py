"""What each role sees first."""

from __future__ import annotations

from typing import Any

from litestar import Controller, get

from app.domains.investments.queries.dashboards import holdings_page, settlement_page
from app.domains.investments.queries.desks import approvals_page, compliance_page
from app.kernel.upkeep import chain_status
from app.web.guards import requires
from app.web.rendering import Page, shows
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
        if viewer_of(request).actor.may("redemption:clear"):
            return await _compliance(request)
        return await _manager(request)

    @get("/settlement", guards=[requires("redemption:settle")])
    @transactional(read_only=True)
    async def settlement(self, request: PortalRequest) -> Page:
        page = await settlement_page(
            shows_queue=shows(request, "glance") or shows(request, "queue"),
            shows_payouts=shows(request, "payouts"),
            shows_assets=shows(request, "coverage") or shows(request, "balances"),
        )
        return Page(
            "investments/settlement.html",
            {"page": page},
            blocks=["glance", "coverage", "queue", "payouts", "balances"],
            topics=["settlement"],
        )


async def _manager(request: PortalRequest) -> Page:
    viewer = viewer_of(request)
    # Which part of the page each region shows.
    blocks = {
        "glance": "waiting",
        "moves": "moves",
        "queue": "waiting",
        "troubles": "troubles",
        "clients": "clients",
    }
    page = await approvals_page(
        time_zone=viewer.time_zone,
        parts=[part for block, part in blocks.items() if shows(request, block)],
    )
    topic = f"rm:{viewer.actor.id}"
    return Page(
        "investments/approvals.html",
        {"page": page, "topic": topic},
        blocks=list(blocks),
        topics=[topic],
    )


async def _compliance(request: PortalRequest) -> Page:
    context: dict[str, Any] = {"page": None, "chain": None}
    if shows(request, "queue"):
        context["page"] = await compliance_page(time_zone=viewer_of(request).time_zone)
    if shows(request, "chain"):
        context["chain"] = await chain_status()
    return Page(
        "investments/clearance.html",
        context,
        blocks=["queue", "chain"],
        topics=["redemptions", "operations"],
    )
