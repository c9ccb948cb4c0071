"""What a page's layout gets wrong, on a phone and on a desk's screen."""

from __future__ import annotations

from playwright.sync_api import Page

WIDTHS = (390, 1440)

# Wider than the window; and amounts, times, states and buttons that run over more than one line.
_UNTIDY = """() => {
  const found = [];
  const beyond = document.documentElement.scrollWidth - window.innerWidth;
  if (beyond > 0) found.push(`scrolls sideways by ${beyond}`);
  for (const one of document.querySelectorAll(".amount, .amount-large, time, .state, .timer-clock, .btn")) {
    if (!one.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(one);
    const lines = [...range.getClientRects()].filter((box) => box.width > 1);
    if (!lines.length) continue;
    const height = Math.max(...lines.map((box) => box.bottom)) - Math.min(...lines.map((box) => box.top));
    if (height > 1.5 * Math.max(...lines.map((box) => box.height)))
      found.push(`wraps: ${one.className} ${one.textContent.replace(/\\s+/g, " ").trim().slice(0, 60)}`);
  }
  return found;
}"""


def untidy(page: Page) -> list[str]:
    """A line each: where, how wide the window was, what."""
    before = page.viewport_size
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{page.url} at {width} px: {line}" for line in page.evaluate(_UNTIDY)]
    if before:
        page.set_viewport_size(before)
    return found
