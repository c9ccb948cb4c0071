"""axe-core on a page: WCAG 2.2 AA and its best practices, in light and in dark."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_AXE_SCRIPT = Axe().axe_script
_COLOURS = ("color-contrast", "link-in-text-block")
_ALL: dict[str, Any] = {
    "resultTypes": ["violations"],
    # The one rule of WCAG 2.2 that axe-core leaves off unless it is asked for.
    "rules": {"target-size": {"enabled": True}},
}
_BUT_COLOURS: dict[str, Any] = {
    **_ALL,
    "rules": {**_ALL["rules"], **{rule: {"enabled": False} for rule in _COLOURS}},
}
_COLOURS_ALONE: dict[str, Any] = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": list(_COLOURS)},
}

# How each element that says something may look: what it is, what it stands in, and what styles ask
# of both. `freshElements` keeps the first of each look that is not among those seen before.
_FRESH = """(seen) => {
  const asked = ["class", "style", "role", "type", "disabled", "level", "aria-current", "aria-pressed", "aria-invalid", "aria-sort"];
  const known = new Set(seen);
  const looks = new Map();
  const lookOf = (one) => {
    if (!one || one === document.body) return "";
    if (!looks.has(one)) {
      const own = asked.map((name) => one.getAttribute(name) ?? "").join("|");
      looks.set(one, `${lookOf(one.parentElement)} > ${one.localName}|${own}`);
    }
    return looks.get(one);
  };
  const says = (one) => [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  window.freshElements = [];
  const fresh = [];
  for (const one of document.body.querySelectorAll("*")) {
    if (!says(one) && !one.matches("input, textarea, select")) continue;
    if (known.has(lookOf(one)) || !one.checkVisibility()) continue;
    known.add(lookOf(one));
    fresh.push(lookOf(one));
    window.freshElements.push(one);
  }
  return fresh;
}"""


class Looks:
    """How what pages say looked that was seen before, in both themes: colours follow from that
    alone, and finding out what lies under each text is most of what axe-core's rules cost."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def are_new(self, page: Page) -> bool:
        fresh = page.evaluate(_FRESH, self._seen)
        self._seen += fresh
        return bool(fresh)


def violations(page: Page, *, within: str = "html", looks: Looks | None = None) -> list[str]:
    """What axe-core finds, a line each: where, in which theme, which rule, on which element.

    `within` is a selector of what has changed, where the rest of the page was looked at before. With
    `looks`, colours are looked at where something looks as nothing did before.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE_SCRIPT)
    place = f"document.querySelector({within!r})"
    if looks is None:
        # The theme changes colours and nothing else: only the rules that look at them run again.
        return _found(page, "light", place, _ALL) + _found(page, "dark", place, _COLOURS_ALONE)
    found = _found(page, "light", place, _BUT_COLOURS)
    if looks.are_new(page):
        for theme in ("light", "dark"):
            found += _found(page, theme, "{ include: window.freshElements }", _COLOURS_ALONE)
    return found


def _found(page: Page, theme: Any, place: str, options: dict[str, Any]) -> list[str]:
    """`place` is what axe-core takes for one, in JavaScript."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    answer = page.evaluate(f"(options) => axe.run({place}, options)", options)
    return [
        f"{page.url} ({theme}): {line}"
        for violation in answer["violations"]
        for line in _lines(violation)
    ]


def _lines(violation: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for node in violation["nodes"]
    ]
