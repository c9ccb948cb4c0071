"""Getting somewhere with keys alone, and seeing where one is."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, Page

# Presses beyond what the order of the page promises: an open menu or panel comes out of turn.
PRESSES_MORE = 40
SCROLL_SECONDS = 2

# Where the focus is, and how many presses of Tab (negative: with Shift) the target is away from it,
# by the order of the document. A group of radio buttons is one stop: the chosen one, or the first.
_WAY = """(target) => {
  const rest = document.activeElement === document.body || document.activeElement === null;
  if (rest && window.keysPressed) return "the focus was lost";
  window.keysPressed = true;
  const isStop = (one) => {
    if (one.tabIndex < 0 || one.disabled || !one.checkVisibility({ visibilityProperty: true })) return false;
    if (one.type !== "radio") return true;
    const group = [...document.getElementsByName(one.name)].filter((other) => other.form === one.form && !other.disabled);
    return one === (group.find((other) => other.checked) ?? group[0]);
  };
  const candidates = "a[href], button, input, select, textarea, summary, [tabindex]";
  const stops = [...document.querySelectorAll(candidates)].filter(isStop);
  if (stops.some((one) => one.tabIndex > 0)) return "something stands out of the order of the page";
  const to = stops.indexOf(target);
  if (to < 0) return "no stop of the Tab key";
  const active = document.activeElement;
  if (active === target) return 0;
  if (rest) return to + 1;
  const after = stops.filter((one) => active.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  const inside = after.includes(target);
  return inside ? after.indexOf(target) + 1 : to - (stops.length - after.length - (stops.includes(active) ? 1 : 0));
}"""

_IS_FOCUSED = "(target) => target === document.activeElement"

# What is wrong with how the focus shows, if anything: it has a ring, and nothing lies over it.
_SIGHT = """(target) => {
  const style = getComputedStyle(target);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  if (!ring && style.boxShadow === "none") return "no ring around the focus";
  const box = target.getClientRects()[0];
  const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  if (!middle) return "the focus is out of view";
  if (!target.contains(middle) && !middle.contains(target)) return `${middle.outerHTML.slice(0, 80)} lies over the focus`;
  return "";
}"""


class OutOfReach(AssertionError):
    """Somebody without a mouse cannot get there, or does not see that they are there."""


def reach(target: Locator) -> None:
    """Go there with the Tab key, as far as it takes, and see that it shows."""
    page = target.page
    way = target.evaluate(_WAY)
    if isinstance(way, str):
        raise OutOfReach(f"{way}: {target}")
    key = "Tab" if way > 0 else "Shift+Tab"
    for _ in range(abs(way)):
        page.keyboard.press(key)
    more = PRESSES_MORE
    while not target.evaluate(_IS_FOCUSED):
        if not more:
            raise OutOfReach(f"not reached: {target}")
        page.keyboard.press(key)
        more -= 1
    if wrong := _unseen(target):
        raise OutOfReach(f"{wrong}: {target}")


def _unseen(target: Locator) -> str:
    """What is wrong with how the focus shows, once the browser has scrolled there."""
    wrong: str = target.evaluate(_SIGHT)
    until = time.monotonic() + SCROLL_SECONDS
    while wrong and time.monotonic() < until:
        target.page.wait_for_timeout(20)
        wrong = target.evaluate(_SIGHT)
    return wrong


def press_until_focused(page: Page, target: Locator, *, key: str) -> None:
    """Press `key`, a shortcut or an arrow, until `target` has the focus."""
    for _ in range(PRESSES_MORE):
        page.keyboard.press(key)
        if target.evaluate(_IS_FOCUSED):
            return
    raise OutOfReach(f"{key} does not reach {target}")
