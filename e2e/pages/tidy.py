"""What a page's layout gets wrong, on a phone and on a desk's screen."""

from __future__ import annotations

from playwright.sync_api import Page

WIDTHS = (390, 1440)

# Wider than the window; amounts, times, states and buttons that run over more than one line; and
# text that its box cuts off. What is there for screen readers alone is cut on purpose.
_UNTIDY = """() => {
  const found = [];
  const words = (one) => `${one.className} ${one.textContent.replace(/\\s+/g, " ").trim().slice(0, 60)}`;
  const beyond = document.documentElement.scrollWidth - window.innerWidth;
  if (beyond > 0) found.push(`scrolls sideways by ${beyond}`);
  for (const one of document.querySelectorAll(".amount, .amount-large, time, .state, .timer-clock, .btn")) {
    if (!one.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(one);
    const lines = [...range.getClientRects()].filter((box) => box.width > 1);
    if (!lines.length) continue;
    const height = Math.max(...lines.map((box) => box.bottom)) - Math.min(...lines.map((box) => box.top));
    if (height > 1.5 * Math.max(...lines.map((box) => box.height))) found.push(`wraps: ${words(one)}`);
  }
  for (const one of document.querySelectorAll("body *")) {
    const wide = one.scrollWidth - one.clientWidth > 1;
    const high = one.scrollHeight - one.clientHeight > 1;
    if (!(wide || high) || one.clientWidth < 2 || !one.checkVisibility()) continue;
    const style = getComputedStyle(one);
    if (wide && style.overflowX !== "visible") found.push(`cut, or scrolls by itself: ${words(one)}`);
    else if (high && ["hidden", "clip"].includes(style.overflowY)) found.push(`cut: ${words(one)}`);
  }
  return found;
}"""


def untidy(page: Page) -> list[str]:
    """A line each, at the width that the window has."""
    found: list[str] = page.evaluate(_UNTIDY)
    return found
