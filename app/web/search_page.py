"""Search: requests by reference, clients by name, ledger entries by id, each within the viewer's
scope. What is not theirs to see is not found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery

from app.domains.investments.queries.clients import clients_named
from app.domains.investments.queries.redemption_lists import redemptions
from app.domains.investments.queries.row_scope import visible_entry
from app.domains.investments.values import ClientFound, RedemptionFilter, RedemptionRow
from app.kernel.errors import NotFound
from app.kernel.ledger.values import EntryView
from app.web.forms import refuse_control_characters
from app.web.guards import requires
from app.web.navigation import SEARCH
from app.web.rendering import Page
from app.web.transactions import transactional
from app.web.viewer import PortalRequest

# Of each kind; who wants more says more.
FOUND_MAX = 20


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    q: str
    redemptions: list[RedemptionRow]
    clients: list[ClientFound]
    entry: EntryView | None
    is_cut: bool


@get("/search", guards=[requires(SEARCH)], include_in_schema=False)
@transactional(read_only=True)
async def search(request: PortalRequest, q: FromQuery[str | None] = None) -> Page:
    """`q` may be empty: then it is the form alone."""
    text = (q or "").strip()
    refuse_control_characters(text, field="q")
    if not text:
        nothing = SearchPage(q="", redemptions=[], clients=[], entry=None, is_cut=False)
        return Page("search/results.html", {"page": nothing})
    requests = await redemptions(chosen=RedemptionFilter(reference=text), limit=FOUND_MAX + 1)
    clients = await clients_named(name=text, limit=FOUND_MAX + 1)
    page = SearchPage(
        q=text,
        redemptions=requests[:FOUND_MAX],
        clients=clients[:FOUND_MAX],
        entry=await _entry(text),
        is_cut=max(len(requests), len(clients)) > FOUND_MAX,
    )
    return Page("search/results.html", {"page": page})


async def _entry(text: str) -> EntryView | None:
    try:
        return (await visible_entry(entry_id=UUID(text))).entry
    except (ValueError, NotFound):
        return None


ROUTES: list[Any] = [search]
