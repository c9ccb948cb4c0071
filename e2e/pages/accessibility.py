"""axe-core on a page: WCAG 2.2 AA and its best practices, in light and in dark."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_AXE_SCRIPT = Axe().axe_script
_OPTIONS: dict[str, dict[str, Any]] = {
    # The one rule of WCAG 2.2 that axe-core leaves off unless it is asked for.
    "light": {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}},
    # The theme changes colours and nothing else: only the rules that look at them run again.
    "dark": {
        "resultTypes": ["violations"],
        "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    },
}


def violations(page: Page) -> list[str]:
    """What axe-core finds, a line each: where, in which theme, which rule, on which element."""
    found = []
    page.evaluate(_AXE_SCRIPT)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        answer = page.evaluate("options => axe.run(options)", _OPTIONS[theme])
        found += [
            f"{page.url} ({theme}): {line}"
            for violation in answer["violations"]
            for line in _lines(violation)
        ]
    return found


def _lines(violation: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for node in violation["nodes"]
    ]
