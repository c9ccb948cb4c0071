"""What a browser writes must come from here, with the token of its session."""

from __future__ import annotations

import pytest

from app.web.shell import Portal
from tests.support.client import Browser, add_person, origin, portal_client, sign_in
from tests.support.database import TestTenant

SAME = {"Origin": "https://portal.test", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def signed_in(browser: Browser, tenant: TestTenant) -> Browser:
    person = await add_person(tenant.id, "rm")
    answer = await sign_in(browser, tenant.slug, person.email)
    assert answer.status_code == 303
    return browser


async def _still_signed_in(browser: Browser) -> bool:
    return (await browser.get("/notifications")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://portal.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_a_write_from_elsewhere_has_no_effect(
    signed_in: Browser, headers: dict[str, str]
) -> None:
    answer = await signed_in.post(
        "/auth/sign-out", data={"csrf_token": signed_in.csrf_token}, headers=headers
    )
    assert answer.status_code == 403
    assert await _still_signed_in(signed_in)


@pytest.mark.parametrize("token", ["", "wrong", "ü", "\u0416" * 40])
async def test_a_wrong_token_has_no_effect(signed_in: Browser, token: str) -> None:
    answer = await signed_in.post("/auth/sign-out", data={"csrf_token": token}, headers=SAME)
    assert answer.status_code == 403
    assert await _still_signed_in(signed_in)


async def test_another_sessions_token_has_no_effect(
    portal: Portal, signed_in: Browser, tenant: TestTenant
) -> None:
    other = await add_person(tenant.id, "rm")
    async with portal_client(portal) as second:
        await sign_in(second, tenant.slug, other.email)
        answer = await signed_in.post(
            "/auth/sign-out", data={"csrf_token": second.csrf_token}, headers=SAME
        )
    assert answer.status_code == 403
    assert await _still_signed_in(signed_in)


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", ""])
async def test_a_form_of_another_type_has_no_effect(signed_in: Browser, content_type: str) -> None:
    answer = await signed_in.post(
        "/auth/sign-out",
        content=f"csrf_token={signed_in.csrf_token}",
        headers={**SAME, "Content-Type": content_type},
    )
    assert answer.status_code == 415
    assert await _still_signed_in(signed_in)


async def test_the_header_does_as_well_as_the_field(signed_in: Browser) -> None:
    answer = await signed_in.post(
        "/auth/sign-out", headers={**SAME, "X-CSRF-Token": signed_in.csrf_token}
    )
    assert answer.status_code == 303
    assert not await _still_signed_in(signed_in)


async def test_a_cookie_never_authorises_a_write_over_rest(
    portal: Portal, tenant: TestTenant, browser: Browser
) -> None:
    admin = await add_person(tenant.id, "admin")
    await sign_in(browser, tenant.slug, admin.email)
    answer = await browser.post(
        "/api/v1/demo/clock",
        json={"advance_seconds": 1},
        headers={**SAME, "X-CSRF-Token": browser.csrf_token},
    )
    assert answer.status_code == 401
    assert (await browser.get("/api/v1/me")).status_code == 200


async def test_the_sign_in_form_wants_the_same_origin(browser: Browser, tenant: TestTenant) -> None:
    person = await add_person(tenant.id, "rm")
    answer = await browser.post(
        "/auth/sign-in",
        data={"tenant": tenant.slug, "email": person.email, "password": "Correct-horse-7"},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert origin() == "https://portal.test"
