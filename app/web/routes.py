"""Where every route is declared: one line a domain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from app.domains.identity.api import ROUTES as IDENTITY_API
from app.domains.identity.pages import ROUTES as IDENTITY_PAGES
from app.domains.identity.user_api import ROUTES as USERS_API
from app.domains.investments.api import ROUTES as INVESTMENTS_API
from app.domains.investments.pages import ROUTES as INVESTMENTS_PAGES
from app.web.audit_pages import ROUTES as AUDIT_PAGES
from app.web.csp_reports import csp_reports
from app.web.deadlines_api import ROUTES as DEADLINES_API
from app.web.errors import on_impossible_path
from app.web.guards import public
from app.web.health import alive, ready
from app.web.kernel_api import ROUTES as KERNEL_API
from app.web.ledger_api import ROUTES as LEDGER_API
from app.web.ledger_entries import PAGES as ENTRY_PAGES
from app.web.ledger_entries import ROUTES as ENTRIES_API
from app.web.ledger_pages import ROUTES as LEDGER_PAGES
from app.web.live import live
from app.web.metrics import metrics
from app.web.notification_api import ROUTES as NOTIFICATION_API
from app.web.notification_pages import ROUTES as NOTIFICATION_PAGES
from app.web.openapi import openapi
from app.web.operations_api import ROUTES as OPERATIONS_API
from app.web.operations_pages import ROUTES as OPERATIONS_PAGES
from app.web.person_pages import ROUTES as PERSON_PAGES
from app.web.rest_requests import prepare
from app.web.search_page import ROUTES as SEARCH_PAGE
from app.web.system_api import ROUTES as SYSTEM_API
from app.web.user_pages import ROUTES as USER_PAGES

API = "/api/v1"
_STATIC = Path(__file__).resolve().parents[2] / "static" / "dist"
_YEAR_SECONDS = 365 * 24 * 3600

PAGES: list[Any] = [
    *PERSON_PAGES,
    *NOTIFICATION_PAGES,
    *IDENTITY_PAGES,
    *INVESTMENTS_PAGES,
    *OPERATIONS_PAGES,
    *LEDGER_PAGES,
    *ENTRY_PAGES,
    *AUDIT_PAGES,
    *SEARCH_PAGE,
    *USER_PAGES,
]
API_ROUTES: list[Any] = [
    *IDENTITY_API,
    *USERS_API,
    *INVESTMENTS_API,
    *KERNEL_API,
    *LEDGER_API,
    *ENTRIES_API,
    *DEADLINES_API,
    *NOTIFICATION_API,
    *OPERATIONS_API,
    *SYSTEM_API,
]


def all_routes() -> list[Any]:
    return [
        *PAGES,
        Router(API, route_handlers=[*API_ROUTES, openapi], before_request=prepare),
        live,
        csp_reports,
        alive,
        ready,
        metrics,
        create_static_files_router(
            path="/static/dist",
            directories=[_STATIC],
            guards=[public],
            exception_handlers={ValueError: on_impossible_path},
            # Their names carry a hash of their content.
            cache_control=CacheControlHeader(max_age=_YEAR_SECONDS, immutable=True, public=True),
        ),
    ]
