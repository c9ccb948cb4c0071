"""How the portal runs, moving by itself: late work, checks, jobs, processes, errors and latencies."""

from __future__ import annotations

from litestar import get

from app.kernel.status import system_status
from app.web.guards import requires
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest, viewer_of


@get("/system", guards=[requires("verify:read")])
@transactional(read_only=True)
async def system(request: PortalRequest) -> Page:
    """One block, which the page fetches anew every few seconds: no event tells of a lag."""
    may = viewer_of(request).actor.may
    return Page(
        "operations/system.html",
        {
            "status": await system_status(),
            "may_read_jobs": may("job:read"),
            "may_read_deadlines": may("deadline:read"),
            "may_read_audit": may("audit:read"),
        },
        blocks=["status"],
        topics=["operations"],
    )
