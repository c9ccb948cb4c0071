"""On paper: a redemption, a queue and a statement, with whose they are and without the screen's parts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.conftest import Known
from e2e.pages.redemption import reference, request_redemption

# The width of A4 within the margins of the sheet, in the pixels that CSS counts.
SHEET = {"width": 702, "height": 1000}
PAGE_OBJECT = re.compile(rb"/Type\s*/Page\b(?!s)")
SCREEN_ONLY = [
    ".nav-panel",
    ".bar",
    ".filters",
    ".filter-form",
    ".buttons",
    ".split-act",
    "[popover]",
    ".row-action",
    "button:not(.explains)",
    "form",
    "progress",
]


def on_paper(page: Page) -> Page:
    page.set_viewport_size(SHEET)  # type: ignore[arg-type]
    page.emulate_media(media="print")
    return page


def assert_clean(page: Page, person: str) -> None:
    for part in SCREEN_ONLY:
        shown = [one for one in page.locator(part).all() if one.is_visible()]
        assert shown == [], (page.url, part)
    head = page.locator(".print-head")
    expect(head).to_be_visible()
    expect(head).to_contain_text("Aurora Digital Assets")
    expect(head).to_contain_text(person)
    expect(head.locator("time")).to_have_text(re.compile(r"\d{1,2} \w+\.? \d{4}"))
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, (page.url, wide)


def display(table: Locator, part: str) -> str:
    found: str = table.locator(part).first.evaluate("one => getComputedStyle(one).display")
    return found


def sheets(page: Page) -> int:
    """How many A4 pages it takes."""
    return len(PAGE_OBJECT.findall(page.pdf(prefer_css_page_size=True)))


@pytest.fixture
def asked(known: Known) -> tuple[str, str]:
    """A redemption's address and reference."""
    client = known("member")
    address = request_redemption(client, product="Aurora Yield USDT", units="120")
    return address, reference(client)


def test_a_redemption_stands_on_one_sheet_with_how_it_was_computed(
    known: Known, asked: tuple[str, str]
) -> None:
    page = on_paper(known("rm", asked[0]))
    assert_clean(page, "Relationship manager")
    expect(page.get_by_role("status").first).to_have_text("Pending approval")
    expect(page.get_by_text(asked[1], exact=True)).to_be_visible()
    expect(page.get_by_text("About this request")).to_be_visible()
    computed = page.get_by_role("region", name="How this was computed")
    expect(computed).to_contain_text("Early exit penalty")
    due = page.locator(".timer-large .timer-clock")
    content = due.evaluate("one => getComputedStyle(one, '::after').content")
    assert "Due" in content
    assert sheets(page) <= 2


@pytest.mark.parametrize(
    ("login", "address", "person", "table"),
    [
        ("rm", "/approvals", "Relationship manager", "Redemptions awaiting approval"),
        ("trader", "/settlement", "Trader", "Settlement queue"),
        ("ops", "/redemptions", "Operations", "Redemptions"),
        ("ops", "/ledger/accounts", "Operations", "Accounts with their balances"),
    ],
)
def test_a_queue_prints_as_a_table_whose_headings_repeat(
    known: Known, asked: tuple[str, str], login: str, address: str, person: str, table: str
) -> None:
    page = on_paper(known(login, address))
    assert_clean(page, person)
    rows = page.get_by_role("table", name=table)
    expect(rows).to_be_visible()
    assert display(rows, "thead") == "table-header-group"
    assert display(rows, "tbody tr") == "table-row"
    assert rows.locator("tbody tr").first.evaluate("one => getComputedStyle(one).breakInside") == (
        "avoid"
    )
    assert sheets(page) >= 1


def test_a_statement_prints_with_its_balances(known: Known, asked: tuple[str, str]) -> None:
    page = known("ops", "/ledger/accounts?kind=redemptions_owed")
    page.get_by_role("table").get_by_role("link").nth(3).click()
    expect(page.get_by_role("heading", name="Statement")).to_be_visible()
    assert_clean(on_paper(page), "Operations")


def test_dark_screens_print_in_black(known: Known, asked: tuple[str, str]) -> None:
    page = known("rm", asked[0], color_scheme="dark")
    on_paper(page)
    colour = page.locator("h1").evaluate("one => getComputedStyle(one).color")
    assert colour == "rgb(26, 29, 33)"
    ground = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
    assert ground == "rgba(0, 0, 0, 0)"


def test_the_time_on_the_sheet_is_that_of_printing(known: Known) -> None:
    page = known("rm", "/approvals")
    time = page.locator("[data-print-time]")
    opened = time.text_content()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert time.text_content() != opened
    expect(time).to_have_text(re.compile(r"\d{4}.*\d{1,2}:\d{2}:\d{2}"))
