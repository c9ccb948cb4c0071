"""What needs a hand now: clocks, jobs, differences with custodians, and where redemptions stand."""

from __future__ import annotations

import msgspec
from litestar import get

from app.domains.investments.public import custody_accounts
from app.domains.investments.queries.overview import redemptions_by_state
from app.domains.investments.values import CustodyAccountView, RedemptionState
from app.kernel.deadlines import (
    DeadlineCounts,
    DeadlineFilter,
    DeadlineState,
    deadline_counts,
    deadlines,
)
from app.kernel.jobs import DeadLetter, KindBacklog, backlog, dead_letters
from app.web.guards import requires
from app.web.operations_pages.deadlines import DeadlineRow, named
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

_FIRST = 5


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    clocks: DeadlineCounts
    next_due: list[DeadlineRow]
    redemptions: dict[RedemptionState, int]
    jobs: list[KindBacklog]
    letters: list[DeadLetter]
    accounts: list[CustodyAccountView]

    @property
    def dead(self) -> int:
        return sum(kind.dead for kind in self.jobs)

    @property
    def waiting(self) -> int:
        return sum(kind.pending for kind in self.jobs)

    @property
    def late_seconds(self) -> int:
        return max((kind.late_seconds for kind in self.jobs), default=0)

    @property
    def differing(self) -> int:
        """Accounts whose reading is another than the ledger expects."""
        return sum(1 for account in self.accounts if account.difference)

    @property
    def in_question(self) -> list[CustodyAccountView]:
        """Those that differ, and those that were never read."""
        return [account for account in self.accounts if account.difference != 0]

    @property
    def not_fresh(self) -> int:
        return sum(1 for account in self.accounts if not account.is_fresh)


@get("/operations", guards=[requires("job:read")])
@transactional(read_only=True)
async def dashboard(request: PortalRequest) -> Page:
    open_clocks = await deadlines(
        chosen=DeadlineFilter(states=(DeadlineState.running, DeadlineState.breached), is_open=True),
        limit=_FIRST,
    )
    page = Dashboard(
        clocks=await deadline_counts(),
        next_due=await named(open_clocks),
        redemptions=await redemptions_by_state(),
        jobs=await backlog(),
        letters=await dead_letters(limit=_FIRST),
        accounts=await custody_accounts(),
    )
    return Page(
        "operations/dashboard.html",
        {"page": page},
        blocks=["glance", "letters", "redemptions", "custody"],
        topics=["redemptions", "operations", "settlement"],
    )
