"""How somebody acts on a page: with a keyboard alone, unless HANDS=mouse says otherwise.

Journeys say what is done, not how. By keyboard each act also proves that its target is reached in the
order of the page, that the focus shows there, and that it was not lost by what happened before.
"""

from __future__ import annotations

import os

from playwright.sync_api import Keyboard, Locator, expect

from e2e.pages.keyboard import press_until_focused, reach

BY_MOUSE = os.environ.get("HANDS") == "mouse"


def press(target: Locator) -> None:
    """A button, or a link."""
    target.wait_for()
    if BY_MOUSE:
        target.click()
        return
    reach(target)
    target.page.keyboard.press("Enter")


def write(target: Locator, text: str) -> None:
    """Into a field, in place of what was in it."""
    target.wait_for()
    if BY_MOUSE:
        target.fill(text)
        return
    reach(target)
    keyboard = target.page.keyboard
    kind = target.get_attribute("type")
    if kind in ("date", "datetime-local"):
        _write_instant(keyboard, text)
    else:
        keyboard.press("ControlOrMeta+A")
        keyboard.insert_text(text)


def _write_instant(keyboard: Keyboard, text: str) -> None:
    """`text` is 2026-01-31 or 2026-01-31T18:00; the field has a part for each of its numbers."""
    day, _, time = text.partition("T")
    year, month, month_day = day.split("-") if day else ("", "", "")
    if not day:
        keyboard.press("Delete")
        return
    keyboard.type(month + month_day + year)
    if time:
        hour, minute = (int(part) for part in time.split(":"))
        keyboard.press("ArrowRight")
        keyboard.type(f"{hour % 12 or 12:02}{minute:02}{'AM' if hour < 12 else 'PM'}")


def pick(target: Locator, option: str) -> None:
    """Of a list, by the first letters of what it is called."""
    target.wait_for()
    if BY_MOUSE:
        target.select_option(label=option)
        return
    reach(target)
    target.page.keyboard.type(option)
    expect(target.locator("option:checked")).to_have_text(option)


def choose(target: Locator, *, ticked: bool = True) -> None:
    """One of several, or a box to tick, or not."""
    target.wait_for()
    if BY_MOUSE:
        target.set_checked(ticked)
        return
    if target.is_checked() == ticked:
        return
    page = target.page
    if target.get_attribute("type") == "checkbox":
        reach(target)
        page.keyboard.press("Space")
        return
    name = target.get_attribute("name")
    group = target.locator(f"xpath=ancestor::form[1]//input[@name='{name}'][not(@disabled)]")
    stop = next((one for one in group.all() if one.is_checked()), group.first)
    reach(stop)
    if not target.evaluate("one => one === document.activeElement"):
        press_until_focused(page, target, key="ArrowDown")
    if not target.is_checked():
        page.keyboard.press("Space")
