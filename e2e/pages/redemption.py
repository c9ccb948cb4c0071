"""The pages of a redemption, by roles and names."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from e2e.pages.hands import choose, press, write

_ANY_STATE = re.compile(
    "^(Pending approval|Approved|Ready for payout|In transit|Completed|Rejected|Cancelled"
    "|Payout failed|Awaiting client|On hold)$"
)


def status(page: Page) -> Locator:
    """The state in words."""
    return page.get_by_role("status").filter(has_text=_ANY_STATE).first


def request_redemption(page: Page, *, product: str, units: str | None = None) -> str:
    """As a client: from the holdings to the request's own page. Returns its address.

    The page is marked, so that `assert_not_reloaded` speaks of everything that follows.
    """
    page.goto("/holdings")
    press(page.get_by_role("link", name=f"Redeem {product}").first)
    if units is not None:
        choose(page.get_by_role("radio", name="Units"))
        write(page.locator("input[name=units]"), units)
    press(page.get_by_role("button", name="Request redemption"))
    press(page.get_by_role("button", name="Confirm redemption"))
    expect(page.get_by_role("heading", name="Redemption", exact=True)).to_be_visible()
    expect(status(page)).to_have_text("Pending approval")
    mark(page)
    return page.url


def reference(page: Page) -> str:
    """How the redemption on this page is called in every list: what earlier journeys left in a
    queue is told apart by it."""
    crumbs = page.get_by_role("navigation", name="Breadcrumbs")
    return crumbs.locator("[aria-current]").inner_text()


def approve(page: Page) -> None:
    """As the manager, on the redemption's page."""
    press(page.get_by_role("button", name="Approve", exact=True))


def units_locked(page: Page, product: str) -> Locator:
    """On the holdings: what the product's rows say of units that wait in a request."""
    return page.get_by_role("row").filter(has_text=product).get_by_text(re.compile("locked$"))


def progress(page: Page) -> Locator:
    """What happened to the redemption, and what is to come."""
    return page.get_by_role("region", name="Progress")


def mark(page: Page) -> None:
    """Leave a mark in the page that a reload would wipe out."""
    page.evaluate("window.notReloaded = true")


def assert_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.notReloaded") is True
