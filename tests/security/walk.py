"""Every route of the portal, as it was declared: what a test walks so that it misses none."""

from __future__ import annotations

from litestar import Litestar

from app.web.shell import Portal

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def routes_of(portal: Portal) -> list[tuple[str, str]]:
    """Method and path of each; Litestar's own answers to OPTIONS and the socket are left out."""
    found = []
    for route in portal.litestar.routes:
        for handler in getattr(route, "route_handlers", []):
            found += [(method, route.path_format) for method in handler.http_methods]
        methods = getattr(getattr(route, "route_handler", None), "http_methods", ())
        found += [(method, route.path_format) for method in methods]
    return sorted({(method, path) for method, path in found if method != "OPTIONS"})


def writes_of(litestar: Litestar) -> dict[tuple[str, str], bool]:
    """Method and path of every route that is not safe, and whether it takes an idempotency key."""
    return {
        (method, route.path_format): getattr(handler.fn, "is_idempotent", False)
        for route in litestar.routes
        for handler in getattr(route, "route_handlers", [])
        for method in handler.http_methods
        if method not in SAFE
    }
