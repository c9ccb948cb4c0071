"""The sign-in page, and the identity provider's behind it."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, StorageState, StorageStateCookie, expect

from app.embedded.demo_accounts import DEMO_PASSWORD
from e2e.pages.hands import press, write
from tests.support.portal import Portal

TENANT = "aurora"


def sign_in(page: Page, login: str, *, by_single_sign_on: bool = False) -> None:
    """As a demo account, through the form or through the provider."""
    page.goto(f"/auth/sign-in?tenant={TENANT}")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    if by_single_sign_on:
        press(page.get_by_role("button", name="Single sign-on"))
        _at_provider(page, login)
    else:
        write(page.get_by_label("Email"), f"{login}@{TENANT}.example")
        write(page.get_by_label("Password"), DEMO_PASSWORD)
        press(page.get_by_role("button", name="Sign in", exact=True))
    expect(page.get_by_role("region", name="Live updates")).to_be_attached()


def signed_in_before(portal: Portal, login: str) -> StorageState:
    """The cookies of a demo account that signed in through the form, without a browser's time."""
    form = {
        "tenant": TENANT,
        "email": f"{login}@{TENANT}.example",
        "password": DEMO_PASSWORD,
        "next": "/",
    }
    answer = httpx.post(
        f"{portal.url}/auth/sign-in", data=form, headers={"Origin": portal.url}, trust_env=False
    )
    assert answer.status_code == 303, answer.text
    cookies = [
        StorageStateCookie(
            name=cookie.name,
            value=cookie.value or "",
            domain="localhost",
            path="/",
            expires=-1,
            secure=True,
            httpOnly=True,
            sameSite="Lax",
        )
        for cookie in answer.cookies.jar
    ]
    return StorageState(cookies=cookies, origins=[])


def _at_provider(page: Page, login: str) -> None:
    """Canaille asks for the login, then for the password."""
    page.locator("input[name=login]").fill(f"{login}@{TENANT}.example")
    page.locator("button[type=submit], input[type=submit]").last.click()
    page.locator("input[name=password]").fill(DEMO_PASSWORD)
    page.locator("button[type=submit], input[type=submit]").last.click()
