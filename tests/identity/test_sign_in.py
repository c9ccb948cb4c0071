"""Signing in with a password, in the browser."""

from __future__ import annotations

import statistics
import time

import pytest
from argon2 import PasswordHasher

from app.domains.identity.operations import password_check
from app.domains.identity.operations.password_check import InvalidCredentials
from app.domains.identity.operations.sign_in import prove_by_password
from app.domains.identity.public import Role, add_membership
from app.kernel.actors import SYSTEM
from app.kernel.database import execute, fetch_value, unit_of_work
from app.web.shell import Portal
from tests.support.client import PASSWORD, Browser, add_person, new_address, portal_client, sign_in
from tests.support.database import TestTenant, connected

REFUSED = "The email address or the password is not right"


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal's own parameters, which are cheaper in other tests."""
    monkeypatch.setattr(password_check, "_HASHER", password_check.hasher())


async def test_the_right_password_opens_a_session(browser: Browser, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "rm")
    answer = await sign_in(browser, tenant.slug, person.email)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/notifications"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-sid=")
    for attribute in ("HttpOnly", "Path=/", "SameSite=lax", "Secure"):
        assert attribute in cookie
    assert (await browser.get("/")).headers["location"] == "/approvals"


@pytest.mark.parametrize(
    ("role", "home"),
    [
        ("member", "/holdings"),
        ("rm", "/approvals"),
        ("trader", "/settlement"),
        ("operations", "/operations"),
        ("compliance", "/approvals"),
    ],
)
async def test_the_start_leads_each_role_to_its_work(
    browser: Browser, tenant: TestTenant, role: str, home: str
) -> None:
    person = await add_person(tenant.id, role)
    await sign_in(browser, tenant.slug, person.email)
    assert (await browser.get("/")).headers["location"] == home


async def test_a_password_is_taken_as_it_was_typed(browser: Browser, tenant: TestTenant) -> None:
    spaced = "  correct Horse  battery "
    person = await add_person(tenant.id, "rm", password=spaced)
    for other in (spaced.strip(), spaced.lower(), spaced[:-1]):
        assert (await sign_in(browser, tenant.slug, person.email, other)).status_code == 422
    assert (await sign_in(browser, tenant.slug, person.email, spaced)).status_code == 303


async def test_a_failed_sign_in_is_in_the_log_without_whom(
    browser: Browser, tenant: TestTenant, capsys: pytest.CaptureFixture[str]
) -> None:
    person = await add_person(tenant.id, "rm")
    answer = await sign_in(browser, tenant.slug, person.email, "wrong-password-9")
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if "sign-in failed" in line]
    assert answer.headers["x-request-id"] in line
    for secret in (person.email, "wrong-password-9"):
        assert secret not in printed


class TestRefusals:
    async def test_what_was_typed_stays_except_the_password(
        self, browser: Browser, tenant: TestTenant
    ) -> None:
        person = await add_person(tenant.id, "rm")
        answer = await sign_in(browser, tenant.slug, person.email, "wrong password")
        assert answer.status_code == 422
        assert REFUSED in answer.text
        assert person.email in answer.text
        assert "wrong password" not in answer.text
        assert "set-cookie" not in answer.headers

    async def test_an_unknown_account_gets_the_same_answer(
        self, browser: Browser, tenant: TestTenant
    ) -> None:
        answer = await sign_in(browser, tenant.slug, "nobody@example.test")
        assert answer.status_code == 422
        assert REFUSED in answer.text

    async def test_an_unknown_account_takes_as_long(
        self, tenant: TestTenant, real_passwords: None
    ) -> None:
        person = await add_person(tenant.id, "rm")

        async def seconds(email: str) -> float:
            started = time.perf_counter()
            with pytest.raises(InvalidCredentials):
                await prove_by_password(tenant_slug=tenant.slug, email=email, password="wrong")
            return time.perf_counter() - started

        known, unknown = [], []
        for _ in range(7):
            known.append(await seconds(person.email))
            unknown.append(await seconds("nobody@example.test"))
        ratio = statistics.median(known) / statistics.median(unknown)
        assert 0.4 < ratio < 2.5

    async def test_another_tenants_account_is_refused(
        self, browser: Browser, tenant: TestTenant, new_tenant
    ) -> None:
        other = await new_tenant()
        person = await add_person(other.id, "rm")
        answer = await sign_in(browser, tenant.slug, person.email)
        assert answer.status_code == 422
        assert REFUSED in answer.text

    async def test_a_suspended_tenant_refuses(
        self, browser: Browser, tenant: TestTenant, database
    ) -> None:
        person = await add_person(tenant.id, "rm")
        async with connected(database.owner) as owner:
            await owner.execute("UPDATE tenant SET status = 'suspended' WHERE id = $1", tenant.id)
        assert (await sign_in(browser, tenant.slug, person.email)).status_code == 422

    async def test_an_account_without_a_password_is_refused(
        self, browser: Browser, tenant: TestTenant
    ) -> None:
        person = await add_person(tenant.id, "rm")
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await execute(
                "UPDATE account SET password_hash = NULL WHERE id = $1", person.account_id
            )
        assert (await sign_in(browser, tenant.slug, person.email, "")).status_code == 422

    @pytest.mark.parametrize(
        "path", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "x"]
    )
    async def test_it_leads_nowhere_else(
        self, browser: Browser, tenant: TestTenant, path: str
    ) -> None:
        person = await add_person(tenant.id, "rm")
        answer = await browser.post_form(
            "/auth/sign-in",
            {
                "tenant": tenant.slug,
                "email": person.email,
                "password": PASSWORD,
                "next": path,
            },
        )
        assert answer.headers["location"] == "/"


class TestThrottling:
    async def test_repeated_failures_wait_and_the_right_password_waits_too(
        self, portal: Portal, tenant: TestTenant
    ) -> None:
        person = await add_person(tenant.id, "rm")
        async with portal_client(portal, address=new_address()) as attacker:
            for _ in range(8):
                answer = await sign_in(attacker, tenant.slug, person.email, "wrong")
            assert answer.status_code == 429
            assert (await sign_in(attacker, tenant.slug, person.email)).status_code == 429
        # A stranger elsewhere cannot lock the owner out.
        async with portal_client(portal, address=new_address()) as owner:
            assert (await sign_in(owner, tenant.slug, person.email)).status_code == 303

    async def test_sixty_a_minute_from_one_address(
        self, portal: Portal, tenant: TestTenant
    ) -> None:
        async with portal_client(portal) as client:
            statuses = [
                (await client.post("/api/v1/auth/login", json={"tenant": "a"})).status_code
                for _ in range(3)
            ]
            assert statuses == [422, 422, 422]
            codes = [
                (
                    await client.post(
                        "/api/v1/auth/refresh", json={"refresh_token": f"none-{number}"}
                    )
                ).status_code
                for number in range(125)
            ]
        # The window may turn once meanwhile.
        assert 429 in codes
        assert 60 <= codes.count(401) <= 120


async def test_a_person_with_several_tenants_is_asked_which(
    browser: Browser, tenant: TestTenant, new_tenant
) -> None:
    person = await add_person(tenant.id, "rm")
    answer = await sign_in(browser, "", person.email)
    assert answer.status_code == 303
    other = await new_tenant()
    async with unit_of_work(tenant=other.id, actor=SYSTEM):
        await add_membership(account_id=person.account_id, role=Role.trader)
    browser.csrf_token = ""
    browser.cookies.clear()
    assert (await sign_in(browser, "", person.email)).status_code == 422
    assert (await sign_in(browser, other.slug, person.email)).status_code == 303


async def test_an_old_hash_is_renewed(
    browser: Browser, tenant: TestTenant, real_passwords: None
) -> None:
    person = await add_person(tenant.id, "rm")
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        await execute("UPDATE account SET password_hash = $2 WHERE id = $1", person.account_id, old)
    assert (await sign_in(browser, tenant.slug, person.email)).status_code == 303
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        stored = await fetch_value(
            "SELECT password_hash FROM account WHERE id = $1", person.account_id
        )
    assert stored != old
    assert "m=19456" in stored
