"""Ids of somebody else's things in bodies and queries, and lists that must not name them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domains.investments.public import confirm_deposit
from app.kernel.database import fetch
from app.kernel.ids import new_id
from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import API, Seats
from tests.security.traces import nothing_written
from tests.security.walk import routes_of
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.exports import taken_out

REST = f"{API}/investments"
# They leave the portal, or are the same for everybody.
_NOT_LISTS = ("/auth/", "/static/", "/metrics", "/health/", f"{API}/auth/", f"{API}/openapi")


async def _ids_of(desk: Desk, login: str) -> set[str]:
    """Everything that belongs to one client."""
    async with desk.working("ops"):
        rows = await fetch(
            "SELECT r.id, r.approval_id, r.reference, d.id AS deadline_id FROM redemption r"
            " JOIN deadline d ON d.subject_id = r.id WHERE r.client_id = $1",
            desk.clients[login],
        )
    found = {str(row[name]) for row in rows for name in ("id", "approval_id", "deadline_id")}
    found |= {str(id_) for (who, _), id_ in desk.subscriptions.items() if who == login}
    found |= {str(id_) for (who, _), id_ in desk.destinations.items() if who == login}
    return found | {str(desk.clients[login])}


async def test_no_list_and_no_file_names_what_its_reader_may_not_see(
    portal: Portal, seats: Seats, desk: Desk, stranger: Desk
) -> None:
    pending = await steps.request(desk)
    everything_of_ours = await _ids_of(desk, "member") | {
        str(desk.tenant_id),
        desk.slug,
        *(str(id_) for id_ in [*desk.products.values(), *desk.staging.values()]),
        *(str(actor.id) for actor in desk.people.values()),
    }
    of_the_client = await _ids_of(desk, "member")
    hidden = [(stranger, login, everything_of_ours) for login in desk.people]
    hidden += [(desk, login, of_the_client) for login in ("member2", "rm2")]
    hidden += [(desk, "trader", {str(pending)}), (desk, "admin", of_the_client)]
    lists = [path for method, path in routes_of(portal) if method == "GET" and "{" not in path]
    lists = [path for path in lists if not path.startswith(_NOT_LISTS)]
    files = [path for _, path in routes_of(portal) if path.endswith("/export") and "{" not in path]
    assert len(lists) > 15 and len(files) > 8
    leaks = []
    for who, login, ids in hidden:
        seat = await seats.of(who, login)
        for path in lists:
            answer = await seat.get(path)
            assert answer.status_code in (200, 303, 403), (login, path, answer.status_code)
            leaks += [(seat.name, path, id_) for id_ in ids if id_ in answer.text]
        if who is stranger and login not in ("rm", "ops", "compliance", "admin"):
            continue  # they may take out nothing that these may not
        for path in files:
            answer = await taken_out(seat, path.removesuffix("/export"))
            assert answer.status_code in (200, 403), (login, path, answer.status_code)
            leaks += [(seat.name, path, id_) for id_ in ids if id_ in answer.text]
    assert leaks == []


async def test_a_filter_by_somebody_elses_id_finds_nothing(
    seats: Seats, desk: Desk, stranger: Desk
) -> None:
    await steps.request(desk)
    product, client = desk.products["yield"], desk.people["member"].id
    subscription = desk.subscriptions["member", "yield"]
    for login, path in [
        ("ops", f"{REST}/accounts?product_id={product}"),
        ("ops", f"{REST}/redemptions?product_id={product}"),
        ("ops", f"{API}/ledger/accounts?owner={subscription}"),
        ("compliance", f"{API}/audit?actor={client}"),
        ("compliance", f"{API}/audit?subject={subscription}"),
    ]:
        theirs = await (await seats.of(stranger, login)).get(path)
        assert (theirs.status_code, theirs.json()["data"]) == (200, []), path
        ours = await (await seats.of(desk, login)).get(path)
        assert ours.json()["data"] != [] or "audit?subject" in path, path


@pytest.mark.parametrize("foreign", ["another client", "another tenant"])
async def test_a_foreign_id_in_a_body_is_refused_and_writes_nothing(
    seats: Seats, desk: Desk, stranger: Desk, database: DatabaseUrls, foreign: str
) -> None:
    other, login = (desk, "member2") if foreign == "another client" else (stranger, "member")
    redemption_id = await steps.request(desk, key="growth")
    await steps.decide(desk, redemption_id)
    quote = await (await seats.of(other, login)).post(
        f"{REST}/redemptions/quote", {"subscription_id": str(other.subscriptions[login, "yield"])}
    )
    async with other.working("ops"):
        deposit = await confirm_deposit(
            client_id=other.clients[login],
            staging_account_id=other.staging["yield"],
            amount=Decimal(5000),
            transaction_reference=f"foreign {new_id()}",
        )
    own = {
        "subscription_id": str(desk.subscriptions["member", "yield"]),
        "destination_id": str(desk.destinations["member", "yield"]),
    }
    subscription = {"subscription_id": str(other.subscriptions[login, "yield"])}
    destination = {"destination_id": str(other.destinations[login, "yield"])}
    quoted = {"quote_id": quote.json()["data"]["quote_id"]}
    deposited = {
        "client_id": str(desk.clients["member"]),
        "staging_account_id": str(desk.staging["yield"]),
        "amount": "1500.00",
        "transaction_reference": "a deposit",
    }
    ready = f"redemptions/{redemption_id}/ready"
    attempts: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("member", "redemptions/quote", subscription, 404, ""),
        ("member", "redemptions", own | subscription, 404, ""),
        ("member", "redemptions", own | destination, 422, "destination_id"),
        ("member", "redemptions", own | quoted, 422, "quote_id"),
    ]
    if other is stranger:
        attempts += [
            ("trader", ready, {"source_account_id": str(other.staging["growth"])}, 422, "source"),
            (
                "ops",
                "deposits",
                deposited | {"client_id": str(other.clients[login])},
                422,
                "client",
            ),
            (
                "ops",
                "deposits",
                deposited | {"staging_account_id": str(other.staging["yield"])},
                422,
                "staging",
            ),
            ("ops", "subscriptions", {"deposit_id": str(deposit), "term_months": 6}, 404, ""),
        ]
    await seats.all_of(desk)
    async with nothing_written(database, desk, stranger):
        for who, path, body, status, field in attempts:
            answer = await (await seats.of(desk, who)).post(f"{REST}/{path}", body)
            problem = answer.json()
            assert answer.status_code == status, (path, body, problem)
            if field:
                assert problem["errors"][0]["field"].startswith(field), problem
            else:
                assert problem["code"] == "NOT_FOUND"
