"""Every route is guarded, or says that it is public."""

from __future__ import annotations

import re
from collections.abc import Iterator

from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler, WebsocketRouteHandler

from app.domains.identity.permissions import ROLES
from app.kernel.ids import new_id
from app.web.guards import Requires, public
from app.web.shell import Portal
from tests.security.walk import SAFE
from tests.support.client import add_person, api_client
from tests.support.database import TestTenant

PUBLIC = {
    "GET /",
    "GET /auth/sign-in",
    "POST /auth/sign-in",
    "POST /csp-reports",
    "GET /auth/oidc/start",
    "GET /auth/oidc/callback",
    "POST /preferences/theme",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "GET /api/v1/auth/jwks.json",
    "GET /api/v1/openapi.json",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /static/dist/{file_path}",
    "HEAD /static/dist/{file_path}",
    "WEBSOCKET /live",
}

# Every unsafe route of the API that is not here must ask for an Idempotency-Key.
MOVES_NOTHING = {
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    "POST /api/v1/delegations",
    "POST /api/v1/delegations/{delegation_id}/revoke",
    "POST /api/v1/deadlines/{deadline_id}/extensions",
    "POST /api/v1/deadlines/{deadline_id}/pause",
    "POST /api/v1/deadlines/{deadline_id}/resume",
    "POST /api/v1/demo/clock",
    "POST /api/v1/investments/clients/{client_id}/kyc",
    "POST /api/v1/investments/clients/{client_id}/standing",
    "POST /api/v1/investments/clients/{client_id}/tier",
    "POST /api/v1/investments/destinations",
    "POST /api/v1/investments/destinations/{destination_id}/revoke",
    "POST /api/v1/investments/redemptions/quote",
    "POST /api/v1/jobs/{job_id}/discard",
    "POST /api/v1/jobs/{job_id}/rerun",
    "POST /api/v1/users/{membership_id}/deactivate",
    "POST /api/v1/users/{membership_id}/reactivate",
    "POST /api/v1/users/{membership_id}/role",
    "POST /api/v1/notifications/read",
    "PUT /api/v1/notifications/preferences",
}
_ID = str(new_id())
# A body that is well formed, by the end of the path: the handler is only reached with one.
BODIES = {
    "reassign": {"to_membership_id": _ID, "note": "Away"},
    "decisions": {"decision": "approve"},
    "deposits": {
        "client_id": _ID,
        "staging_account_id": _ID,
        "amount": "1",
        "transaction_reference": "a",
    },
    "subscriptions": {"deposit_id": _ID, "term_months": 12},
    "redemptions": {"subscription_id": _ID, "destination_id": _ID, "units": "1"},
    "reject": {"note": "Said so"},
    "ready": {"source_account_id": _ID},
}


def _handlers(
    portal: Portal,
) -> Iterator[tuple[str, HTTPRouteHandler | ASGIRouteHandler | WebsocketRouteHandler]]:
    for route in portal.litestar.routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]
        for handler in handlers:
            for method in sorted(getattr(handler, "http_methods", {"WEBSOCKET"})):
                yield f"{method} {route.path_format}", handler


async def test_every_route_has_exactly_one_guard(portal: Portal) -> None:
    unguarded, seen_public = [], set()
    for name, handler in _handlers(portal):
        if name.startswith("OPTIONS "):
            continue  # Litestar's own answer: which methods there are
        guards = handler.resolve_guards()
        if guards == (public,) or guards == [public]:
            seen_public.add(name)
        elif len(guards) != 1 or not isinstance(guards[0], Requires):
            unguarded.append(name)
    assert unguarded == []
    assert seen_public <= PUBLIC


async def test_every_path_and_method_is_declared_once(portal: Portal) -> None:
    names = [name for name, _ in _handlers(portal)]
    assert len(names) == len(set(names))


async def test_unsafe_api_routes_that_move_money_ask_for_a_key(
    portal: Portal, tenant: TestTenant
) -> None:
    unsafe, movers = set(), {}
    for name, handler in _handlers(portal):
        method, path = name.split(" ")
        if path.startswith("/api/v1/") and method not in SAFE:
            unsafe.add(name)
            if getattr(handler.fn, "moves_money", False):
                movers[name] = handler
    assert unsafe - set(movers) == MOVES_NOTHING

    answers = {}
    for name, handler in movers.items():
        method, path = name.split(" ")
        (guard,) = handler.resolve_guards()
        assert isinstance(guard, Requires)
        role = next(role for role, may in ROLES.items() if may & set(guard.permissions))
        person = await add_person(tenant.id, role)
        async with api_client(portal, tenant.slug, person.email) as client:
            url = re.sub(r"\{\w+\}", str(new_id()), path)
            answer = await client.request(method, url, json=BODIES.get(path.rsplit("/", 1)[-1], {}))
        answers[name] = (answer.status_code, answer.json()["code"])
    assert answers == dict.fromkeys(movers, (428, "IDEMPOTENCY_KEY_REQUIRED"))
