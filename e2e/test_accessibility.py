"""axe-core finds nothing: on forms that were refused, on what opens, on a phone, and where there is
nothing. Every page as it comes is looked at in test_every_page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, expect

from e2e.conftest import Known
from e2e.pages.accessibility import Looks, violations
from e2e.rest.things import Things

PRODUCT = "Aurora Yield USDT"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def looks() -> Looks:
    """Colours are looked at where something looks as nothing did in the tests before."""
    return Looks()


def test_a_new_destination_has_no_violations(looks: Looks, known: Known) -> None:
    page = known("member", "/destinations/new")
    found = violations(page, looks=looks)
    page.get_by_label("Name").fill("Cold wallet")
    page.get_by_label("Address, or IBAN").fill("0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    page.get_by_role("button", name="Add destination").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page, looks=looks)
    assert found == []


def test_a_phone_has_no_violations(known: Known, things: Things) -> None:
    # Of its own: what is narrow may have other colours.
    looks = Looks()
    page = known("member", viewport=PHONE)
    found: list[str] = []
    for address in ("/holdings", "/redemptions", f"/redemptions/{things.redemption()}"):
        page.goto(address)
        found += violations(page, looks=looks)
    page.get_by_role("button", name="Open navigation").click()
    expect(page.get_by_role("link", name="Holdings", exact=True)).to_be_visible()
    found += violations(page, looks=looks)
    assert found == []


def test_a_request_has_no_violations_on_the_way(looks: Looks, known: Known) -> None:
    page = known("member", "/holdings")
    page.get_by_role("link", name="how was this computed?").first.click()
    expect(page.get_by_role("dialog", name="How was this computed?")).to_be_visible()
    found = violations(page, looks=looks)
    page.goto("/holdings")
    page.get_by_role("link", name=f"Redeem {PRODUCT}").first.click()
    page.get_by_role("radio", name="Units").check()
    page.locator("input[name=units]").fill("99999999")
    found += violations(page, looks=looks)
    page.get_by_role("button", name="Request redemption").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page, looks=looks)
    page.locator("input[name=units]").fill("400")
    page.get_by_role("button", name="Request redemption").click()
    expect(page.get_by_role("button", name="Confirm redemption")).to_be_visible()
    found += violations(page, looks=looks)
    assert found == []


@pytest.mark.parametrize(
    ("login", "addresses"),
    [
        ("compliance", ("/audit?action=none", "/redemptions?reference=none")),
        ("ops", ("/clients?q=none", "/jobs?kind=none", "/ledger/entries?operation=none")),
        ("admin", ("/users?q=none",)),
        ("trader", ("/search?q=none", "/redemptions?reference=none")),
    ],
)
def test_a_list_of_nothing_has_no_violations(
    looks: Looks, known: Known, login: str, addresses: tuple[str, ...]
) -> None:
    page = known(login)
    found: list[str] = []
    for address in addresses:
        page.goto(address)
        expect(page.locator(".empty-state").first).to_be_visible()
        found += violations(page, within="main", looks=looks)
    assert found == []


def test_what_opens_on_a_page_has_no_violations(looks: Looks, known: Known, things: Things) -> None:
    found: list[str] = []
    clock = f"/deadlines/{things.payout_clock(things.redemption('approved'))['id']}"
    page = known("ops", clock)
    page.get_by_role("button", name="Account of").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    found += violations(page, within="#account-menu", looks=looks)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    found += violations(page, within="#keyboard-help", looks=looks)
    page.keyboard.press("Escape")

    # A proposal: its form, its form refused, what it comes to, and the form that decides on it.
    found += violations(page, within="#actions", looks=looks)
    reason, end = page.get_by_label("Reason"), page.get_by_label("New end")
    reason.fill("The venue is closed")
    due = datetime.fromisoformat(end.input_value())
    for hours, shows in ((-1, page.get_by_role("alert")), (9, page.get_by_text("Reminder at"))):
        end.fill(f"{due + timedelta(hours=hours):%Y-%m-%dT%H:%M}")
        page.get_by_role("button", name="See what it comes to").click()
        expect(shows.first).to_be_visible()
        found += violations(page, within="main", looks=looks)
    page.get_by_role("button", name="Propose 9 h more").click()
    expect(page.get_by_role("heading", name="Waits for a decision")).to_be_visible()
    officer = known("compliance", clock)
    found += violations(officer, within="#actions", looks=looks)

    officer.goto("/redemptions")
    officer.locator("summary").click()
    found += violations(officer, within=".filter-more", looks=looks)
    officer.goto("/search?q=Mara")
    expect(officer.get_by_role("link", name="Mara Lindqvist")).to_be_visible()
    found += violations(officer, within="main", looks=looks)
    assert found == []


def test_signing_in_has_no_violations(
    looks: Looks, open_context: Callable[..., BrowserContext]
) -> None:
    page = open_context().new_page()
    page.goto("/auth/sign-in?tenant=aurora")
    found = violations(page, looks=looks)
    page.get_by_label("Email").fill("nobody@aurora.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page, looks=looks)
    page.goto("/nowhere")
    found += violations(page, looks=looks)
    assert found == []


def test_the_check_sees_both_themes(open_context: Callable[..., BrowserContext]) -> None:
    page = open_context().new_page()
    page.goto("/auth/sign-in?tenant=aurora")
    page.evaluate("document.documentElement.lang = ''")
    page.evaluate("document.querySelector('h1').style.color = '#333'")
    looks = Looks()
    lines = violations(page, looks=looks)
    assert len(lines) == 2
    assert "(light): html-has-lang" in lines[0]
    assert "(dark): color-contrast" in lines[1]
    # What looked so before is not looked at again, and what looks otherwise is.
    assert len(violations(page, looks=looks)) == 1
    page.evaluate("document.querySelector('h1').className = 'h3'")
    assert len(violations(page, looks=looks)) == 2
