"""Every route × every role × {own, another client's, another manager's, another tenant's, nobody}.

What is somebody else's is not there, in the same words as what does not exist; what a role may not
do is forbidden; and whatever was refused has written nothing.
"""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from app.domains.investments.operations.redemption_quote import Portion, quote_redemption
from app.domains.investments.queries import redemptions, scope
from app.domains.investments.values import RedemptionState as State
from app.kernel.approvals.operations import delegate
from app.kernel.database import current, execute, fetch, fetch_row, fetch_value
from app.kernel.ids import new_id
from app.kernel.notifications import keep_for_digest
from app.web.shell import Portal
from tests.investments import steps
from tests.security.matrix import MATRIX, REFUSED, Things, expected
from tests.security.seats import API, Seat, Seats
from tests.security.stages import redemption_at
from tests.security.traces import nothing_written
from tests.security.walk import SAFE, routes_of
from tests.support.custody_sandbox import Control
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.drain import drain

# Of the other tenant, one of each role.
STRANGERS = ("member", "rm", "trader", "ops", "compliance", "admin")
STATUSES = {"forbidden": 403, "not there": 404, "conflict": 409}


async def things_of(desk: Desk, redemption_id: UUID) -> Things:
    view = await steps.seen(desk, redemption_id)
    async with desk.working("rm") as unit:
        rm2 = desk.people["rm2"].id
        assert rm2 is not None
        # Of next week: nobody stands in for anybody yet.
        delegation = await delegate(
            to_membership_id=rm2,
            permissions=["redemption:approve"],
            starts_at=unit.now + timedelta(days=7),
            ends_at=unit.now + timedelta(days=8),
        )
    async with desk.working("member"):
        quote = await quote_redemption(
            subscription_id=desk.subscriptions["member", "growth"], portion=Portion(units="1")
        )
    async with desk.working("ops"):
        # Each route to a job is to one that failed for good.
        job = await fetch_value(
            "UPDATE job SET state = 'dead', failures = 1, last_error = 'x', finished_at = now()"
            " WHERE id = (SELECT id FROM job WHERE state = 'done' OR kind LIKE 'consume:%'"
            " ORDER BY id LIMIT 1) RETURNING id"
        )
        deadline = await fetch_row(
            "SELECT id, due_at FROM deadline WHERE subject_id = $1 ORDER BY id LIMIT 1",
            redemption_id,
        )
        digest = await a_digest(desk)
        row = await fetch_row(
            "SELECT e.id, p.account_id FROM ledger_entry e JOIN ledger_posting p"
            " ON p.entry_id = e.id WHERE e.subject_id = $1 ORDER BY e.id, p.position LIMIT 1",
            redemption_id,
        )
    assert row is not None and deadline is not None
    other_manager = desk.people["rm2"].id
    assert other_manager is not None
    return Things(
        redemption=redemption_id,
        approval=view.approval_id,
        subscription=view.subscription_id,
        product=view.product_id,
        entry=row["id"],
        account=row["account_id"],
        staging=desk.staging["yield"],
        job=job,
        delegation=delegation,
        quote=quote.id,
        destination=desk.destinations["member", "yield"],
        deadline=deadline["id"],
        later=deadline["due_at"] + timedelta(hours=12),
        digest=digest,
        holding=view.subscription_id,
        other_manager=other_manager,
        client=desk.clients["member"],
        user=other_manager,
    )


async def a_digest(desk: Desk) -> UUID:
    """Of the manager, with one line. Whatever events there are serve for it."""
    rows = await fetch("SELECT id FROM outbox_event ORDER BY id LIMIT 2")
    line, digest = (row["id"] for row in rows)
    manager = desk.people["rm"].id
    assert manager is not None
    await keep_for_digest(
        recipients=[manager],
        event_id=line,
        text="A deposit",
        link="/approvals",
        happened_at=current().now,
    )
    await execute(
        "UPDATE notification_digest_line SET digest_event_id = $1 WHERE event_id = $2", digest, line
    )
    return UUID(str(digest))


def shape(answer: httpx.Response, thing: UUID) -> tuple[int, str, str]:
    """An answer without what must differ: the request's id, and the id that was asked for."""
    text = answer.text.replace(answer.headers["x-request-id"], "")
    text = re.sub(r'name="(csrf_token|idempotency_key)" value="[^"]*"', "", text)
    return answer.status_code, answer.headers["content-type"], text.replace(str(thing), "")


async def ask(
    seat: Seat, method: str, path: str, things: Things, *, thing: UUID | None = None
) -> httpx.Response:
    route = MATRIX[method, path]
    body = None if route.body is None else route.body(things)
    subject = thing or getattr(things, route.names)
    return await seat.ask(method, route.path_to(path, subject), body)


def is_right(answer: httpx.Response, path: str, wanted: str) -> bool:
    if wanted == "sign in":
        if path.startswith(API):
            return answer.status_code == 401
        return answer.status_code == 303 and "/auth/sign-in" in answer.headers["location"]
    if wanted == "yes":
        return answer.status_code in (200, 201, 303)
    if path.startswith(API) and answer.headers["content-type"] != "application/problem+json":
        return False
    return answer.status_code == STATUSES[wanted]


def test_every_route_with_an_id_in_its_path_is_in_the_matrix(portal: Portal) -> None:
    with_id = {
        (method, path)
        for method, path in routes_of(portal)
        if "{" in path and not path.startswith("/static/")
    }
    assert with_id == set(MATRIX)


@pytest.mark.parametrize("state", list(State))
async def test_what_is_refused_is_refused_alike_and_writes_nothing(
    seats: Seats,
    desk: Desk,
    stranger: Desk,
    sandbox: Control,
    database: DatabaseUrls,
    state: State,
) -> None:
    redemption_id = await redemption_at(state, desk=desk, sandbox=sandbox)
    things = await things_of(desk, redemption_id)
    strangers = STRANGERS if state is State.pending_approval else ("member", "ops")
    people = [(desk, login) for login in desk.people if login != "trader2"]
    people += [(stranger, login) for login in strangers]
    sitting = [(who, login, await seats.of(who, login)) for who, login in people]
    nobody = await seats.nobody()
    wrong: list[tuple[str, str, str, str, int]] = []
    async with nothing_written(database, desk, stranger):
        for method, path in MATRIX:
            # What does not hang on the state is asked once.
            if MATRIX[method, path].names not in ("redemption", "approval") and (
                state is not State.pending_approval
            ):
                continue
            cells = [
                (
                    seat,
                    expected(method, path, login=login, desk=who, owner=desk, state=state),
                )
                for who, login, seat in sitting
            ]
            for seat, wanted in [*cells, (nobody, "sign in")]:
                if wanted not in REFUSED and method not in SAFE:
                    continue  # the next test does those
                answer = await ask(seat, method, path, things)
                if not is_right(answer, path, wanted):
                    wrong.append((seat.name, method, path, wanted, answer.status_code))
                if wanted == "not there" and state is State.pending_approval:
                    unknown = new_id()
                    twin = await ask(seat, method, path, things, thing=unknown)
                    thing = getattr(things, MATRIX[method, path].names)
                    assert shape(answer, thing) == shape(twin, unknown), (seat.name, method, path)
    assert wrong == []


@pytest.mark.parametrize(
    ("step", "state", "logins"),
    [
        ("approve", State.pending_approval, ["rm"]),
        ("reject", State.pending_approval, ["rm"]),
        ("clear", State.pending_compliance, ["compliance"]),
        ("decline", State.pending_compliance, ["compliance"]),
        ("cancel", State.pending_approval, ["member"]),
        ("ready", State.approved, ["trader", "trader2"]),
        ("retry-payout", State.payout_failed, ["trader", "ops"]),
    ],
)
async def test_what_is_allowed_works_by_page_and_by_rest(
    seats: Seats, desk: Desk, sandbox: Control, step: str, state: State, logins: list[str]
) -> None:
    """So that a refusal above is a refusal of that person, and not of what they sent."""
    starts = ("/redemptions", f"{API}/investments/redemptions")
    for login, start in zip([logins[0], logins[-1]], starts, strict=True):
        redemption_id = await redemption_at(state, desk=desk, sandbox=sandbox)
        path = f"{start}/{{redemption_id}}/{step}"
        wanted = expected("POST", path, login=login, desk=desk, owner=desk, state=state)
        assert wanted == "yes"
        things = await things_of(desk, redemption_id)
        answer = await ask(await seats.of(desk, login), "POST", path, things)
        assert is_right(answer, path, "yes"), (login, path, answer.text)
        assert (await steps.seen(desk, redemption_id)).state is not state
        await drain()


async def test_another_tenant_finds_nothing_even_without_row_scope(
    seats: Seats,
    desk: Desk,
    stranger: Desk,
    sandbox: Control,
    database: DatabaseUrls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The portal's own filters stripped: what keeps tenants apart is the database."""

    async def everything() -> scope.Scope:
        return scope.Scope("$1::uuid[] IS NOT NULL AND $2::text[] IS NOT NULL", [], [])

    monkeypatch.setattr(scope, "redemption_scope", everything)
    monkeypatch.setattr(redemptions, "redemption_scope", everything)
    redemption_id = await redemption_at(State.approved, desk=desk, sandbox=sandbox)
    things = await things_of(desk, redemption_id)
    other = await seats.of(desk, "member2")
    assert (await other.get(f"/redemptions/{redemption_id}")).status_code == 200, "stripped"
    sitting = [(login, await seats.of(stranger, login)) for login in STRANGERS]
    async with nothing_written(database, desk, stranger):
        for login, seat in sitting:
            for method, path in MATRIX:
                answer = await ask(seat, method, path, things)
                assert answer.status_code in (403, 404), (login, method, path)
            listed = await seat.get(f"{API}/investments/redemptions")
            assert str(redemption_id) not in listed.text
