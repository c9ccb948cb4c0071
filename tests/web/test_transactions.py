"""`@transactional`: commit before rendering, refusals undone, keys answered twice alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from litestar import Litestar, post

from app.asgi import create_app
from app.kernel.database import current, execute, fetch_value, savepoint
from app.kernel.errors import Conflict, DomainError
from app.kernel.ids import new_id
from app.web import rendering
from app.web.errors import HANDLERS
from app.web.forms import read_form, refused
from app.web.guards import public
from app.web.rendering import Page, See
from app.web.transactions import transactional
from app.web.viewer import PortalRequest
from tests.support.client import Browser, Person, add_person, portal_client, running_portal, sign_in
from tests.support.database import DatabaseUrls, TestTenant

WRITE = "UPDATE clock SET offset_seconds = offset_seconds + 1 WHERE id = 1"
_failures: list[Exception] = []


@post("/write", guards=[public])
@transactional(idempotent=True, moves_money=True)
async def write(request: PortalRequest) -> See:
    await execute(WRITE)
    if _failures:
        raise _failures.pop()
    return See(f"/written/{new_id()}")


@post("/refuse", guards=[public])
@transactional()
async def refuse(request: PortalRequest) -> Page:
    form = await read_form(request)
    await execute(WRITE)
    try:
        async with savepoint():
            await execute("SELECT 1 / 0")
    except asyncpg.DivisionByZeroError:
        refusal: DomainError = Conflict("It is closed already")
    assert await fetch_value("SELECT true")  # the unit of work still answers
    return Page(
        "auth/sign_in.html",
        {
            "tenant_slug": form["tenant"],
            "email": "",
            "next": "/",
            "errors": refused(refusal),
            "demo_accounts": [],
            "sso_url": "/",
        },
        status=refusal.status,
    )


@pytest.fixture
async def portal(database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    from app.web import routes

    monkeypatch.setattr(routes, "PAGES", [*routes.PAGES, write, refuse])
    async with running_portal(create_app(opens_pool=False)) as running:
        assert isinstance(running.litestar, Litestar)
        yield running


@pytest.fixture
async def browser(portal: Any) -> AsyncIterator[Browser]:
    async with portal_client(portal) as client:
        yield client


@pytest.fixture
async def person(browser: Browser, tenant: TestTenant) -> Person:
    found = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, found.email)
    return found


async def _offset(database: DatabaseUrls) -> int:
    from tests.support.database import connected

    async with connected(database.admin) as admin:
        seconds: int = await admin.fetchval("SELECT offset_seconds FROM clock")
        return seconds


async def test_a_refusal_undoes_everything_and_keeps_what_was_typed(
    browser: Browser, person: Person, database: DatabaseUrls
) -> None:
    before = await _offset(database)
    answer = await browser.post_form("/refuse", {"tenant": "as-typed"})
    assert answer.status_code == 409
    assert "It is closed already" in answer.text
    assert "as-typed" in answer.text
    assert await _offset(database) == before


async def test_a_template_is_rendered_after_the_commit(
    browser: Browser, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = rendering.render

    def render(*args: Any) -> Any:
        try:
            seen.append(current())
        except RuntimeError:
            seen.append(None)
        return real(*args)

    monkeypatch.setattr("app.web.transactions.render", render)
    assert (await browser.get("/notifications")).status_code == 200
    assert seen == [None]


class TestIdempotency:
    async def test_a_double_click_has_one_effect_and_one_answer(
        self, browser: Browser, person: Person, database: DatabaseUrls
    ) -> None:
        before = await _offset(database)
        fields = {"idempotency_key": new_id().hex, "a": "b"}
        answers = await asyncio.gather(*(browser.post_form("/write", fields) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {303}
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert await _offset(database) == before + 1

    async def test_another_body_with_the_same_key_is_refused(
        self, browser: Browser, person: Person
    ) -> None:
        key = new_id().hex
        assert (
            await browser.post_form("/write", {"idempotency_key": key, "a": "b"})
        ).status_code == 303
        answer = await browser.post_form("/write", {"idempotency_key": key, "a": "c"})
        assert answer.status_code == 422

    async def test_money_needs_a_key(self, browser: Browser, person: Person) -> None:
        assert (await browser.post_form("/write", {"a": "b"})).status_code == 428

    async def test_a_failure_leaves_the_key_free(
        self, browser: Browser, person: Person, database: DatabaseUrls
    ) -> None:
        before = await _offset(database)
        fields = {"idempotency_key": new_id().hex}
        _failures.append(Conflict("Not now"))
        assert (await browser.post_form("/write", fields)).status_code == 409
        assert (await browser.post_form("/write", fields)).status_code == 303
        assert await _offset(database) == before + 1


class TestRetries:
    async def test_a_serialization_failure_runs_it_again(
        self, browser: Browser, person: Person, database: DatabaseUrls
    ) -> None:
        before = await _offset(database)
        _failures.extend(asyncpg.SerializationError("again") for _ in range(2))
        answer = await browser.post_form("/write", {"idempotency_key": new_id().hex})
        assert answer.status_code == 303
        assert await _offset(database) == before + 1

    async def test_the_database_going_away_is_503(self, browser: Browser, person: Person) -> None:
        _failures.append(asyncpg.AdminShutdownError("terminating"))
        answer = await browser.post_form("/write", {"idempotency_key": new_id().hex})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]

    async def test_anything_else_is_500_without_a_trace(
        self, browser: Browser, person: Person
    ) -> None:
        _failures.append(ZeroDivisionError("secret detail"))
        answer = await browser.post_form("/write", {"idempotency_key": new_id().hex})
        assert answer.status_code == 500
        assert "secret detail" not in answer.text
        assert "Traceback" not in answer.text
        assert Exception in HANDLERS
