"""axe-core finds nothing: on every page of every role's navigation, on a redemption, and on forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.conftest import Known
from e2e.pages.accessibility import violations
from e2e.pages.redemption import approve, request_redemption, status
from e2e.pages.tidy import untidy

PRODUCT = "Aurora Yield USDT"
ROLES = ("member", "rm", "trader", "ops", "compliance", "admin")
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def made() -> list[str]:
    """The redemptions that the pages here show, once they are made."""
    return []


@pytest.fixture
def redemptions(known: Known, made: list[str]) -> list[str]:
    """One that waits for its manager, and one that waits for its payout."""
    if not made:
        client = known("member")
        waiting = request_redemption(client, product=PRODUCT, units="300")
        approved = request_redemption(client, product=PRODUCT, units="310")
        manager = known("rm", approved)
        approve(manager)
        expect(status(manager)).to_have_text("Approved")
        made += [waiting, approved]
    return made


def _navigation(page: Page) -> list[str]:
    """The addresses that the page's navigation leads to."""
    links = page.get_by_role("navigation", name="Main").get_by_role("list").get_by_role("link")
    return [link.get_attribute("href") or "" for link in links.all()]


def _shown(page: Page, address: str) -> bool:
    """Whether this person may see the page. A trader sees nothing that is not approved."""
    answer = page.goto(address)
    assert answer is not None, "the address is another document's"
    return answer.ok


@pytest.mark.parametrize("login", ROLES)
def test_what_a_role_reaches_has_no_violations(
    known: Known, redemptions: list[str], login: str
) -> None:
    page = known(login)
    addresses = _navigation(page)
    assert addresses, "everybody has somewhere to go"
    found: list[str] = []
    for address in addresses:
        assert _shown(page, address), address
        found += violations(page)
    shown = [address for address in redemptions if _shown(page, address)]
    assert len(shown) == {"trader": 1, "admin": 0}.get(login, 2)
    for address in shown:
        page.goto(address)
        found += violations(page)
    assert found == []


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("rm", "/clients"),
        ("compliance", "/clients"),
        ("member", "/destinations"),
        ("admin", "/users"),
    ],
)
def test_what_a_list_leads_to_has_no_violations(
    known: Known, redemptions: list[str], login: str, address: str
) -> None:
    page = known(login, address)
    page.locator("[data-row-link]").first.click()
    page.wait_for_url(f"**{address}/*")
    assert violations(page) == []


def test_a_new_destination_has_no_violations(known: Known) -> None:
    page = known("member", "/destinations/new")
    found = violations(page)
    page.get_by_label("Name").fill("Cold wallet")
    page.get_by_label("Address, or IBAN").fill("0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    page.get_by_role("button", name="Add destination").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page)
    assert found == []


def test_a_phone_has_no_violations(known: Known, redemptions: list[str]) -> None:
    page = known("member", viewport=PHONE)
    found: list[str] = []
    for address in ("/holdings", "/redemptions", redemptions[0]):
        page.goto(address)
        found += violations(page)
    page.get_by_role("button", name="Open navigation").click()
    expect(page.get_by_role("link", name="Holdings", exact=True)).to_be_visible()
    found += violations(page)
    assert found == []


def test_a_request_has_no_violations_on_the_way(known: Known) -> None:
    page = known("member", "/holdings")
    page.get_by_role("link", name="how was this computed?").first.click()
    expect(page.get_by_role("dialog", name="How was this computed?")).to_be_visible()
    found = violations(page)
    page.goto("/holdings")
    page.get_by_role("link", name=f"Redeem {PRODUCT}").first.click()
    page.get_by_role("radio", name="Units").check()
    page.locator("input[name=units]").fill("99999999")
    found += violations(page)
    page.get_by_role("button", name="Request redemption").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page)
    page.locator("input[name=units]").fill("400")
    page.get_by_role("button", name="Request redemption").click()
    expect(page.get_by_role("button", name="Confirm redemption")).to_be_visible()
    found += violations(page)
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
    known: Known, login: str, addresses: tuple[str, ...]
) -> None:
    page = known(login)
    found: list[str] = []
    for address in addresses:
        page.goto(address)
        expect(page.locator(".empty-state").first).to_be_visible()
        found += violations(page)
    assert found == []


def test_a_clients_pages_fit_a_phone_and_a_desk(known: Known, redemptions: list[str]) -> None:
    page = known("member")
    found: list[str] = []
    for address in [*_navigation(page), *redemptions]:
        page.goto(address)
        found += untidy(page)
    assert found == []


def test_signing_in_has_no_violations(open_context: Callable[..., BrowserContext]) -> None:
    page = open_context().new_page()
    page.goto("/auth/sign-in?tenant=aurora")
    found = violations(page)
    page.get_by_label("Email").fill("nobody@aurora.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page)
    page.goto("/nowhere")
    found += violations(page)
    assert found == []


def test_the_check_sees_both_themes(open_context: Callable[..., BrowserContext]) -> None:
    page = open_context().new_page()
    page.goto("/auth/sign-in?tenant=aurora")
    page.evaluate("document.documentElement.lang = ''")
    page.evaluate("document.querySelector('h1').style.color = '#333'")
    lines = violations(page)
    assert len(lines) == 2
    assert "(light): html-has-lang" in lines[0]
    assert "(dark): color-contrast" in lines[1]
