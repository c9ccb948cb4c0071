"""Every route without an id in its path × every role and nobody: who comes in, and who does not.

What stands behind an id is in `matrix.py`; a route that is in neither fails the suite. Written down
here once more, on purpose: nothing of it is read from the portal.
"""

from __future__ import annotations

import httpx

from app.web.shell import Portal
from tests.security.matrix import MATRIX, STAFF
from tests.security.seats import API, Seat, Seats
from tests.security.traces import nothing_written
from tests.security.walk import SAFE, routes_of
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk

_REST = f"{API}/investments"
_READERS = STAFF | {"member"}
_EVERYBODY = _READERS | {"admin"}
_BOOK = frozenset({"rm", "operations", "compliance"})
_LEDGER = frozenset({"operations", "compliance"})
_CUSTODY = frozenset({"trader", "operations"})
_MEMBER, _RM, _TRADER = frozenset({"member"}), frozenset({"rm"}), frozenset({"trader"})
_OPERATIONS, _COMPLIANCE = frozenset({"operations"}), frozenset({"compliance"})
_ADMIN = frozenset({"admin"})

MAY: dict[str, frozenset[str]] = {
    "GET /": _EVERYBODY,
    f"GET {API}/approvals": _BOOK,
    f"GET {API}/audit": _COMPLIANCE,
    f"GET {API}/audit/verify": _COMPLIANCE,
    f"GET {API}/deadlines": STAFF,
    f"GET {API}/delegations": _RM | _COMPLIANCE,
    f"GET {_REST}/accounts": _CUSTODY,
    f"GET {_REST}/clients": _BOOK,
    f"GET {_REST}/destinations": _MEMBER,
    f"GET {_REST}/explanations/totals": _READERS,
    f"GET {_REST}/kyc": _BOOK,
    f"GET {_REST}/prices": STAFF,
    f"GET {_REST}/prices/readings": STAFF,
    f"GET {_REST}/products": _EVERYBODY,
    f"GET {_REST}/redemptions": _READERS,
    f"GET {_REST}/subscriptions": _READERS,
    f"GET {API}/jobs/dead": _OPERATIONS,
    f"GET {API}/ledger/accounts": _LEDGER,
    f"GET {API}/ledger/entries": _LEDGER,
    f"GET {API}/me": _EVERYBODY,
    f"GET {API}/notifications": _EVERYBODY,
    f"GET {API}/notifications/preferences": _EVERYBODY,
    f"GET {API}/system": _LEDGER | _ADMIN,
    f"GET {API}/users": _ADMIN,
    f"GET {API}/verify": _LEDGER | _ADMIN,
    "GET /approval-records": _BOOK,
    "GET /approvals": _RM | _COMPLIANCE,
    "GET /audit": _COMPLIANCE,
    "GET /clients": _BOOK,
    "GET /deadlines": STAFF,
    "GET /destinations": _MEMBER,
    "GET /destinations/new": _MEMBER,
    "GET /explain/totals": _READERS,
    "GET /holdings": _MEMBER,
    "GET /jobs": _OPERATIONS,
    "GET /kyc": _BOOK,
    "GET /ledger/accounts": _LEDGER,
    "GET /ledger/entries": _LEDGER,
    "GET /notifications": _EVERYBODY,
    "GET /notifications/count": _EVERYBODY,
    "GET /notifications/preferences": _EVERYBODY,
    "GET /operations": _OPERATIONS,
    "GET /prices": STAFF,
    "GET /redemptions": _READERS,
    "GET /search": _READERS,
    "GET /settlement": _TRADER,
    "GET /system": _LEDGER | _ADMIN,
    "GET /users": _ADMIN,
    f"POST {API}/auth/logout": _EVERYBODY,
    f"POST {API}/delegations": _RM | _COMPLIANCE,
    f"POST {API}/demo/clock": _ADMIN,
    f"POST {_REST}/deposits": _OPERATIONS,
    f"POST {_REST}/destinations": _MEMBER,
    f"POST {_REST}/redemptions": _MEMBER,
    f"POST {_REST}/redemptions/quote": _MEMBER,
    f"POST {_REST}/subscriptions": _OPERATIONS,
    f"POST {API}/notifications/read": _EVERYBODY,
    "POST /approval-records/export": _BOOK,
    "POST /audit/export": _COMPLIANCE,
    "POST /auth/sign-out": _EVERYBODY,
    "POST /clients/export": _BOOK,
    "POST /deadlines/export": STAFF,
    "POST /destinations": _MEMBER,
    "POST /jobs/export": _OPERATIONS,
    "POST /kyc/export": _BOOK,
    "POST /ledger/accounts/export": _LEDGER,
    "POST /ledger/entries/export": _LEDGER,
    "POST /notifications/preferences": _EVERYBODY,
    "POST /notifications/read": _EVERYBODY,
    "POST /prices/export": STAFF,
    "POST /redemptions": _MEMBER,
    "POST /redemptions/export": _READERS,
    "POST /settlement/balances/export": _CUSTODY,
    "POST /users/export": _ADMIN,
    f"PUT {API}/notifications/preferences": _EVERYBODY,
}
# Nobody need be anybody there. `/` sends who is nobody to sign in, as a page would.
OPEN = {
    "GET /auth/oidc/callback",
    "GET /auth/oidc/start",
    "GET /auth/sign-in",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    f"GET {API}/auth/jwks.json",
    f"GET {API}/openapi.json",
    f"POST {API}/auth/login",
    f"POST {API}/auth/refresh",
    "POST /auth/sign-in",
    "POST /csp-reports",
    "POST /preferences/theme",
}
LOGINS = ("member", "rm", "trader", "ops", "compliance", "admin")


def test_every_route_is_in_one_of_the_matrices(portal: Portal) -> None:
    routes = {f"{method} {path}" for method, path in routes_of(portal)}
    behind_ids = {f"{method} {path}" for method, path in MATRIX}
    files = {route for route in routes if "/static/dist/" in route}
    assert routes - files == behind_ids | set(MAY) | OPEN
    assert not (set(MAY) & OPEN or behind_ids & set(MAY))


async def test_each_lets_in_whom_it_should_and_a_refusal_writes_nothing(
    seats: Seats, desk: Desk, database: DatabaseUrls
) -> None:
    sitting = {login: await seats.of(desk, login) for login in LOGINS}
    nobody = await seats.nobody()
    wrong = []
    async with nothing_written(database, desk):
        for route, may in MAY.items():
            method, path = route.split(" ")
            for login, seat in sitting.items():
                is_welcome = desk.people[login].role in may
                if is_welcome and method not in SAFE:
                    continue  # their effect is for tests of the thing itself
                status = (await ask(seat, method, path)).status_code
                if status not in ((200, 303) if is_welcome else (403,)):
                    wrong.append((login, route, status))
            answer = await ask(nobody, method, path)
            signs_in = path.startswith(API) or "/auth/sign-in" in answer.headers["location"]
            if answer.status_code != (401 if path.startswith(API) else 303) or not signs_in:
                wrong.append(("nobody", route, answer.status_code))
    assert wrong == []


async def ask(seat: Seat, method: str, path: str) -> httpx.Response:
    """A GET as it is, a write with the wrong body: a refusal comes before anybody reads that."""
    return await seat.ask(method, path, None if method in SAFE else {"nothing": "of it"})
