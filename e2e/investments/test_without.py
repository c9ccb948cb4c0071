"""The way from a wish to its approval without a mouse, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from app.embedded.demo_accounts import DEMO_PASSWORD
from e2e.conftest import Known
from e2e.pages.keyboard import press_on, press_until_focused
from e2e.pages.redemption import approve, reference, request_redemption, status
from e2e.pages.sign_in import TENANT

PRODUCT = "Aurora Yield USDT"


def _sign_in_by_keyboard(page: Page, login: str) -> None:
    page.goto(f"/auth/sign-in?tenant={TENANT}")
    press_until_focused(page, page.get_by_label("Email"))
    page.keyboard.type(f"{login}@{TENANT}.example")
    press_until_focused(page, page.get_by_label("Password"))
    page.keyboard.type(DEMO_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Live updates")).to_be_attached()


def test_by_keyboard_alone(open_context: Callable[..., BrowserContext]) -> None:
    client, manager, trader = (open_context().new_page() for _ in range(3))
    _sign_in_by_keyboard(client, "member")
    press_on(client, client.get_by_role("link", name=f"Redeem {PRODUCT}").first)
    expect(client.get_by_role("heading", name=f"Redeem {PRODUCT}")).to_be_visible()
    press_until_focused(client, client.get_by_role("radio", name="All of it"))
    press_until_focused(client, client.get_by_role("radio", name="Units"), key="ArrowDown")
    press_until_focused(client, client.locator("input[name=units]"))
    client.keyboard.type("450")
    client.keyboard.press("Enter")
    expect(client.get_by_role("heading", name="What you receive")).to_be_focused()
    press_on(client, client.get_by_role("button", name="Confirm redemption"))
    expect(status(client)).to_have_text("Pending approval")
    review = re.compile(f"^Review {reference(client)} ")

    # Down the queue with j, to the button with a.
    _sign_in_by_keyboard(manager, "rm")
    press_on(manager, manager.get_by_role("link", name=review), key="j")
    expect(status(manager)).to_have_text("Pending approval")
    manager.keyboard.press("a")
    expect(manager.get_by_role("button", name="Approve", exact=True)).to_be_focused()
    manager.keyboard.press("Enter")
    expect(status(client)).to_have_text("Approved")

    _sign_in_by_keyboard(trader, "trader")
    press_on(trader, trader.get_by_role("link", name=review), key="j")
    expect(status(trader)).to_have_text("Approved")
    press_on(trader, trader.get_by_role("button", name="Mark ready"))
    expect(status(client)).to_have_text("Completed")


def test_without_javascript(known: Known) -> None:
    client = known("member", java_script_enabled=False)
    address = request_redemption(client, product=PRODUCT, units="550")

    manager = known("rm", address, java_script_enabled=False)
    approve(manager)
    expect(status(manager)).to_have_text("Approved")

    # Nothing moves by itself here; what is true is one reload away.
    expect(status(client)).to_have_text("Pending approval")
    client.reload()
    expect(status(client)).to_have_text("Approved")
