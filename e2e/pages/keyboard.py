"""Getting somewhere with keys alone."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

PRESSES_MAX = 80


def press_until_focused(page: Page, target: Locator, *, key: str = "Tab") -> None:
    """Press `key` until `target` has the focus, as somebody without a mouse would."""
    for _ in range(PRESSES_MAX):
        page.keyboard.press(key)
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{key} does not reach {target}")


def press_on(page: Page, target: Locator, *, key: str = "Tab") -> None:
    """Get there, and press Enter."""
    press_until_focused(page, target, key=key)
    page.keyboard.press("Enter")
