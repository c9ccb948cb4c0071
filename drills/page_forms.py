"""Every form of the portal's pages, ready to be sent: by route, who finds it where in what state of
things, and what they write into it.

A page route that writes is in `FORMS` where it takes an idempotency key, else in `WITHOUT_KEY`.
"""

from __future__ import annotations

from litestar import Litestar

from app.domains.identity.public import Role
from app.kernel.database import fetch_value
from app.web.routes import API, all_routes
from drills import desk_forms, redemption_forms
from drills.desk_forms import CLOCK, extend
from drills.press import Prepare, Press, WithoutKey
from drills.redemption_forms import asked, quote
from drills.stage import Stage, until
from tests.forms.routes import FILES
from tests.security.walk import writes_of
from tests.support.client import PASSWORD, add_person
from tests.support.desk import Desk

FORMS: dict[str, Prepare] = {**redemption_forms.FORMS, **desk_forms.FORMS}


def page_writes() -> dict[str, bool]:
    """Every unsafe route of the pages as it is declared, and whether it takes a key."""
    portal = Litestar(all_routes(), openapi_config=None, logging_config=None)
    return {
        path: takes_key
        for (_, path), takes_key in writes_of(portal).items()
        if not path.startswith(API)
    }


def _at(login: str, page: str, button: str, *, to: str = "") -> Prepare:
    async def prepare(_: Stage, __: Desk) -> Press:
        return Press(login, page, button, to=to)

    return prepare


async def _sign_in(_: Stage, desk: Desk) -> Press:
    person = await add_person(desk.tenant_id, Role.rm)
    about = {"Organisation": desk.slug, "Email": person.email, "Password": PASSWORD}
    return Press("", "/auth/sign-in", "Sign in", write=about)


async def _read(_: Stage, desk: Desk) -> Press:
    """Their manager was told of a request."""
    await asked(desk)

    async def is_told() -> bool:
        async with desk.working("rm"):
            return bool(await fetch_value("SELECT count(*) FROM notification"))

    await until(is_told, seconds=30, what="the manager to be told")
    return Press("rm", "/notifications", "Mark all as read")


def _file(route: str) -> Prepare:
    login, *way = FILES[route]

    async def prepare(_: Stage, desk: Desk) -> Press:
        await asked(desk)
        async with desk.working("ops"):
            account = await fetch_value("SELECT id FROM ledger_account ORDER BY id LIMIT 1")
        return Press(
            login,
            way[-1].replace("{account_id}", str(account)),
            "CSV",
            to=route.replace("{account_id}", str(account)),
        )

    return prepare


WITHOUT_KEY: dict[str, WithoutKey] = {
    "/auth/sign-in": WithoutKey(
        "each is a session; the browser keeps the last",
        _sign_in,
        grows=frozenset({"session", "audit_record", "outbox_event"}),
    ),
    "/auth/sign-out": WithoutKey(
        "signed out twice is signed out", _at("rm", "/approvals", "Sign out"), same_answer=False
    ),
    "/preferences/theme": WithoutKey("a cookie of this browser", _at("rm", "/approvals", "Dark")),
    "/notifications/read": WithoutKey("what is read stays read", _read),
    "/notifications/preferences": WithoutKey(
        "set twice is set", _at("rm", "/notifications/preferences", "Save")
    ),
    "/subscriptions/{subscription_id}/redeem": WithoutKey(
        "only says what it would come to", quote, grows=frozenset({"redemption_quote"})
    ),
    f"{CLOCK}/extend": WithoutKey("only says what it would come to", extend),
    **{
        route: WithoutKey(
            "every file that leaves is on record",
            _file(route),
            grows=frozenset({"audit_record"}),
            same_answer=False,
        )
        for route in FILES
    },
}
# Reports, which browsers send by themselves: logged, and nothing is kept.
NO_FORMS = frozenset({"/csp-reports"})
