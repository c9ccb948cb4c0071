"""Every page route that writes, walked: a browser that was lured there changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from app.kernel.database import fetch_row, fetch_value
from app.kernel.deadlines import propose_extension
from app.kernel.ids import new_id
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import API, Seat, Seats
from tests.security.traces import nothing_written
from tests.security.walk import SAFE, routes_of
from tests.support.client import origin
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk


async def test_every_unsafe_page_route_refuses_a_foreign_hand(
    portal: Portal, seats: Seats, desk: Desk, database: DatabaseUrls
) -> None:
    waiting, approved = await steps.request(desk), await steps.request(desk, key="growth")
    await steps.decide(desk, approved)
    # Who could do it, where, and with what: were it their own page.
    doable: dict[str, tuple[str, str, dict[str, str]]] = {
        "/auth/sign-in": ("rm", "/auth/sign-in", {"email": desk.email("rm"), "password": "x"}),
        "/auth/sign-out": ("rm", "/auth/sign-out", {}),
        # Takes reports of browsers and nothing else, from whoever sends them.
        "/csp-reports": ("rm", "/csp-reports", {}),
        "/preferences/theme": ("rm", "/preferences/theme", {"theme": "dark"}),
        "/notifications/read": ("rm", "/notifications/read", {}),
        "/notifications/preferences": ("rm", "/notifications/preferences", {}),
        **{
            f"{path}/export": (login, f"{path}/export", {"format": kind})
            for login, path, kind in [
                ("compliance", "/audit", "csv"),
                ("rm", "/redemptions", "xlsx"),
                ("rm", "/clients", "csv"),
                ("rm", "/kyc", "csv"),
                ("trader", "/settlement/balances", "xlsx"),
                ("ops", "/ledger/entries", "csv"),
                ("admin", "/users", "xlsx"),
                ("rm", "/approval-records", "csv"),
                ("rm", "/deadlines", "xlsx"),
                ("ops", "/jobs", "csv"),
                ("ops", "/ledger/accounts", "xlsx"),
                ("trader", "/prices", "csv"),
            ]
        },
        "/subscriptions/{subscription_id}/redeem": (
            "member2",
            f"/subscriptions/{desk.subscriptions['member2', 'yield']}/redeem",
            {"by": "all", "destination_id": str(desk.destinations["member2", "yield"])},
        ),
        "/destinations": (
            "member",
            "/destinations",
            {
                "label": "Theirs",
                "kind": "wallet",
                "asset": "USDT",
                "network": "ethereum",
                "address": f"0x{'1' * 40}",
            },
        ),
        "/destinations/{destination_id}/revoke": (
            "member",
            f"/destinations/{desk.destinations['member', 'yield']}/revoke",
            {},
        ),
        "/redemptions": (
            "member2",
            "/redemptions",
            {
                "by": "all",
                "subscription_id": str(desk.subscriptions["member2", "yield"]),
                "destination_id": str(desk.destinations["member2", "yield"]),
            },
        ),
    }
    async with desk.working("ops"):
        job = await fetch_value("SELECT id FROM job LIMIT 1")
        account = await fetch_value("SELECT id FROM ledger_account LIMIT 1")
        clock = await fetch_row(
            "SELECT id, due_at FROM deadline WHERE subject_id = $1 AND kind = 'payout'", approved
        )
        assert clock is not None
        proposed = await propose_extension(
            deadline_id=clock["id"], due_at=clock["due_at"] + timedelta(hours=1), reason="Slow"
        )
    doable["/ledger/accounts/{account_id}/export"] = (
        "ops",
        f"/ledger/accounts/{account}/export",
        {"format": "csv"},
    )
    doable["/jobs/{job_id}/rerun"] = ("ops", f"/jobs/{job}/rerun", {})
    doable["/jobs/{job_id}/discard"] = ("ops", f"/jobs/{job}/discard", {"reason": "Old"})
    for step, login in [
        ("extend", "ops"),
        ("extensions", "ops"),
        ("pause", "compliance"),
        ("resume", "compliance"),
        ("approve", "compliance"),
        ("reject", "compliance"),
    ]:
        doable[f"/deadlines/{{deadline_id}}/{step}"] = (
            login,
            f"/deadlines/{clock['id']}/{step}",
            {"reason": "lured", "note": "lured", "approval_id": str(proposed)},
        )
    for step in ("role", "deactivate", "reactivate"):
        doable[f"/users/{{membership_id}}/{step}"] = (
            "admin",
            f"/users/{desk.people['trader2'].id}/{step}",
            {"role": "admin"},
        )
    for step, login, id_ in [
        ("approve", "rm", waiting),
        ("reject", "rm", waiting),
        ("clear", "compliance", waiting),
        ("decline", "compliance", waiting),
        ("cancel", "member", waiting),
        ("ready", "trader", approved),
        ("retry-payout", "ops", approved),
        ("accept", "member", waiting),
        ("hold", "compliance", waiting),
        ("resume", "compliance", waiting),
        ("cancel-held", "compliance", waiting),
        ("reassign", "ops", waiting),
    ]:
        form = {"note": "lured", "source_account_id": str(desk.staging["growth"])}
        doable[f"/redemptions/{{redemption_id}}/{step}"] = (
            login,
            f"/redemptions/{id_}/{step}",
            form,
        )
    for step, login, form in [
        ("kyc", "compliance", {"kyc": "refused", "note": "lured"}),
        ("standing", "compliance", {"standing": "sanctioned", "note": "lured"}),
        ("tier", "ops", {"tier": "institutional", "note": "lured"}),
        ("tier/approve", "compliance", {"note": "lured"}),
        ("tier/reject", "compliance", {"note": "lured"}),
    ]:
        doable[f"/clients/{{client_id}}/{step}"] = (
            login,
            f"/clients/{desk.clients['member2']}/{step}",
            form,
        )
    unsafe = {
        path
        for method, path in routes_of(portal)
        if method not in SAFE and not path.startswith(API)
    }
    assert unsafe == set(doable), "a route that writes and that nobody attacks"
    people = await seats.all_of(desk)
    ended = await seats.fresh(desk, "rm")
    stale = ended.browser.csrf_token
    assert (await ended.browser.post_form("/auth/sign-out")).status_code == 303
    wrong = []
    async with nothing_written(database, desk):
        for path, (login, url, form) in doable.items():
            other = people["rm2" if login != "rm2" else "rm"].browser.csrf_token
            for name, answer in await _attacks(people[login], url, form, other, stale):
                refused = answer.status_code in (403, 415)
                if not refused or "set-cookie" in answer.headers:
                    wrong.append((path, name, answer.status_code, answer.headers.get("location")))
        assert wrong == [], "\n".join(map(str, wrong))
    for seat in people.values():
        assert (await seat.get("/notifications")).status_code == 200, "still signed in"


async def _attacks(
    seat: Seat, url: str, form: dict[str, str], other: str, stale: str
) -> list[tuple[str, httpx.Response]]:
    own = seat.browser.csrf_token
    here = {"Origin": origin(), "Sec-Fetch-Site": "same-origin"}
    key = {"idempotency_key": new_id().hex}

    async def sent(headers: dict[str, str], token: str | None, **options: Any) -> httpx.Response:
        data = {**form, **key} | ({} if token is None else {"csrf_token": token})
        return await seat.browser.post(url, headers=headers, **({"data": data} | options))

    async def raw(content_type: str, content: str) -> httpx.Response:
        headers = here | {"Content-Type": content_type}
        return await seat.browser.post(url, headers=headers, content=content)

    return [
        ("no token", await sent(here, None)),
        ("an empty token", await sent(here, "")),
        ("another's token", await sent(here, other)),
        ("a token of a session that ended", await sent(here, stale)),
        ("another's token in the header", await sent(here | {"X-CSRF-Token": other}, own)),
        ("the token in the query", await sent(here, None, params={"csrf_token": own})),
        ("cross-site", await sent(here | {"Sec-Fetch-Site": "cross-site"}, own)),
        ("same-site", await sent(here | {"Sec-Fetch-Site": "same-site"}, own)),
        ("nothing said of where from", await sent({}, own)),
        ("foreign origin", await sent(here | {"Origin": "https://evil.example"}, own)),
        ("origin null", await sent(here | {"Origin": "null"}, own)),
        ("text/plain", await raw("text/plain", f"csrf_token={own}")),
        ("no type", await raw("", f"csrf_token={own}")),
        ("JSON", await raw("application/json", f'{{"csrf_token": "{own}"}}')),
        ("multipart", await raw("multipart/form-data; boundary=x", f"csrf_token={own}")),
        (
            "a foreign method override",
            await sent({"X-HTTP-Method-Override": "GET", **here}, None),
        ),
    ]


async def test_a_cookie_writes_nothing_over_rest(
    portal: Portal, seats: Seats, desk: Desk, database: DatabaseUrls
) -> None:
    """With everything a page has: cookie, token, origin. A bearer is what counts there."""
    people = await seats.all_of(desk)
    writes = [(method, path) for method, path in routes_of(portal) if method not in SAFE]
    writes = [(method, path) for method, path in writes if API in path]
    writes = [(method, path) for method, path in writes if not path.startswith(f"{API}/auth/")]
    assert len(writes) > 10
    async with nothing_written(database, desk):
        for method, path in writes:
            head, _, rest = path.partition("{")
            url = f"{head}{new_id()}{rest.partition('}')[2]}" if rest else path
            for login in ("member", "rm", "trader", "ops", "admin"):
                answer = await people[login].browser.request(
                    method,
                    url,
                    json={},
                    headers={
                        "Origin": origin(),
                        "X-CSRF-Token": people[login].browser.csrf_token,
                        "Idempotency-Key": new_id().hex,
                    },
                )
                assert answer.status_code == 401, (login, path, answer.text)
