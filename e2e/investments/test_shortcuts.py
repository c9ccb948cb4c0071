"""The keys that spare a desk the way: j and k through a queue, a to the button, / to the search."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from e2e.conftest import Known
from e2e.pages.keyboard import press_until_focused
from e2e.pages.redemption import reference, request_redemption, status

PRODUCT = "Aurora Yield USDT"


def test_a_queue_is_worked_off_with_its_shortcuts(known: Known) -> None:
    client = known("member")
    request_redemption(client, product=PRODUCT, units="450")
    review = re.compile(f"^Review {reference(client)} ")

    manager = known("rm", "/approvals")
    press_until_focused(manager, manager.get_by_role("link", name=review), key="j")
    manager.keyboard.press("a")
    expect(status(manager)).to_have_text("Pending approval")
    expect(manager.get_by_role("button", name="Approve", exact=True)).to_be_focused()
    manager.keyboard.press("Enter")
    expect(status(client)).to_have_text("Approved")

    trader = known("trader", "/settlement")
    press_until_focused(trader, trader.get_by_role("link", name=review), key="j")
    trader.keyboard.press("Enter")
    expect(status(trader)).to_have_text("Approved")

    manager.keyboard.press("/")
    expect(manager.get_by_role("searchbox")).to_be_focused()
    manager.keyboard.insert_text(reference(client))
    manager.keyboard.press("Enter")
    expect(manager.get_by_role("link", name=reference(client)).first).to_be_visible()
    manager.keyboard.press("?")
    expect(manager.get_by_role("dialog", name="Keyboard")).to_be_visible()
