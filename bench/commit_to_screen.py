"""From the manager's click on Approve to the client's changed page, beside a plain GET of that page.

Both are people's browsers: two contexts of one Chromium, so one machine's clock. The click is the
input event's own time; the end is when the client's page says "Approved" in its status, seen by a
MutationObserver. The GET is the same page fetched whole by the client's browser, to the end of the
body; it is taken in every round before the click and after the change.
"""

from __future__ import annotations

import time

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.report import ROUNDS_MIN, Aim, Finding, Series
from bench.rest import Person, assert_sound
from e2e.pages.redemption import status
from e2e.pages.sign_in import sign_in
from tests.support.chromium import ensure_chromium
from tests.support.portal import Portal

RATIO_MAX = 4.0
WARM_UP_ROUNDS = 3
SECONDS_MAX = 300.0
UNITS = "1.5"
# A third request within a day goes to compliance as well: each is half a day after the one before.
APART_SECONDS = 13 * 3600
# Longer than a page takes after connecting to fetch its regions again, as it does in any case.
CALM_MS = 800
HAND_MS = 100
# A person may ask 300 things a minute, and the client's page asks up to ten in a round.
ROUND_SECONDS_MIN = 2.5

# Kept in the tab's storage: the page that was clicked is gone once the form is answered.
_NOTE_CLICK = """
addEventListener("click", (event) => {
  if (event.target.closest("#approve"))
    sessionStorage.setItem("clickedAt", performance.timeOrigin + event.timeStamp);
}, true);
"""
_CLICKED_AT = "Number(sessionStorage.getItem('clickedAt'))"

_WATCH = """() => {
  const now = () => performance.timeOrigin + performance.now();
  let hint;
  addEventListener("htmx:ws:before:message:incoming", () => { hint ??= now(); }, true);
  window.change = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the client's page never changed")), 20_000);
    new MutationObserver(() => {
      const badge = document.querySelector("#status [role=status]");
      if (badge?.textContent.trim() === "Approved") resolve({ hint, screen: now() });
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
}"""

# What a page that does not move by itself costs its reader, once they know that it changed.
_RELOADED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"

_GET = """async () => {
  const started = performance.now();
  const response = await fetch(location.href, { cache: "no-store" });
  const text = await response.text();
  if (!response.ok || !text.includes("</html>")) throw new Error(`GET: ${response.status}`);
  return performance.now() - started;
}"""


class _Scene:
    """The client and the manager, each signed in to a browser and to the API."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.member = Person(url, "member")
        self.admin = Person(url, "admin")
        self.client = self._page(browser, "member")
        self.manager = self._page(browser, "rm")
        self.manager.add_init_script(_NOTE_CLICK)
        self.http = httpx.Client(
            cookies={cookie["name"]: cookie["value"] for cookie in self.client.context.cookies()},
            trust_env=False,
            timeout=30,
        )
        self.subscription, self.destination = self._holding()
        self.redemptions: list[str] = []

    def _page(self, browser: Browser, login: str) -> Page:
        page = browser.new_context(base_url=self.url).new_page()
        sign_in(page, login)
        return page

    def _holding(self) -> tuple[str, str]:
        """The client's fixed-yield subscription, and where its asset may go."""
        products = self.member.get("/investments/products")
        fixed = {found["id"]: found for found in products if found["kind"] == "fixed_yield"}
        subscription = next(
            found
            for found in self.member.get("/investments/subscriptions")
            if found["product_id"] in fixed and found["state"] == "active"
        )
        asset = fixed[subscription["product_id"]]["asset"]
        destination = next(
            found
            for found in self.member.get("/investments/destinations")
            if found["asset"] == asset and found["state"] == "usable"
        )
        return subscription["id"], destination["id"]

    def new_redemption(self) -> str:
        """Requested, and open on both screens."""
        self.admin.post("/demo/clock", {"advance_seconds": APART_SECONDS})
        body = {
            "subscription_id": self.subscription,
            "units": UNITS,
            "destination_id": self.destination,
        }
        found: str = self.member.post("/investments/redemptions", body)["id"]
        self.redemptions.append(found)
        for page in (self.client, self.manager):
            page.goto(f"/redemptions/{found}")
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
        self.client.wait_for_timeout(CALM_MS)
        expect(status(self.client)).to_have_text("Pending approval")
        return found

    def get_in_browser(self) -> float:
        reading: float = self.client.evaluate(_GET)
        return reading

    def reload_in_browser(self) -> float:
        self.client.reload(wait_until="domcontentloaded")
        expect(status(self.client)).to_have_text("Approved")
        reading: float = self.client.evaluate(_RELOADED)
        return reading

    def get_over_httpx(self) -> float:
        started = time.perf_counter()
        answer = self.http.get(self.client.url)
        assert answer.is_success and "</html>" in answer.text, "the client's page, whole"
        return (time.perf_counter() - started) * 1000


def run(portal: Portal, *, rounds: int) -> Finding:
    """Raises AssertionError where what was measured was not right."""
    # Before Playwright's loop runs: looking for a browser may start one of its own.
    chromium = ensure_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        scene = _Scene(browser, portal.url)
        for _ in range(WARM_UP_ROUNDS):
            _round(scene)
        taken = _rounds(scene, rounds)
        browser.close()
    _assert_right(scene)
    screen = _series("manager's click to client's changed page", taken, "screen")
    plain = _series("plain GET of that page, in the browser", taken, "get")
    return Finding(
        name="P11",
        title="commit to screen",
        series=[
            screen,
            plain,
            _series("of it: click to the hint in the page", taken, "hint"),
            _series("of it: hint to the changed page", taken, "morph"),
            _series("plain GET of that page, over httpx", taken, "httpx"),
            _series("a reload of that page, in the browser", taken, "reload"),
        ],
        aims=[Aim(name="commit to screen, to a GET", work=screen, beside=plain, most=RATIO_MAX)],
    )


def _rounds(scene: _Scene, rounds: int) -> list[dict[str, list[float]]]:
    """As many as were asked for, or as fit into the time."""
    until = time.monotonic() + SECONDS_MAX
    taken: list[dict[str, list[float]]] = []
    while len(taken) < rounds and (len(taken) < ROUNDS_MIN or time.monotonic() < until):
        started = time.monotonic()
        taken.append(_round(scene))
        time.sleep(max(0.0, started + ROUND_SECONDS_MIN - time.monotonic()))
    return taken


def _round(scene: _Scene) -> dict[str, list[float]]:
    scene.new_redemption()
    before = [scene.get_in_browser()], [scene.get_over_httpx()]
    scene.client.evaluate(_WATCH)
    approve = scene.manager.get_by_role("button", name="Approve", exact=True)
    # A hand is over the button before it presses it; Playwright would do both in one instant.
    approve.hover()
    scene.manager.wait_for_timeout(HAND_MS)
    approve.click()
    change: dict[str, float] = scene.client.evaluate("window.change")
    expect(status(scene.manager)).to_have_text("Approved")
    scene.client.wait_for_timeout(CALM_MS)
    clicked: float = scene.manager.evaluate(_CLICKED_AT)
    assert clicked and "hint" in change, "it changed because it was told"
    return {
        "screen": [change["screen"] - clicked],
        "hint": [change["hint"] - clicked],
        "morph": [change["screen"] - change["hint"]],
        "get": [*before[0], scene.get_in_browser()],
        "httpx": [*before[1], scene.get_over_httpx()],
        "reload": [scene.reload_in_browser()],
    }


def _series(name: str, taken: list[dict[str, list[float]]], key: str) -> Series:
    readings = [reading for found in taken for reading in found[key]]
    return Series(name=name, unit="ms", readings=readings)


def _assert_right(scene: _Scene) -> None:
    """Each redemption was approved, once, and everything adds up."""
    for redemption in scene.redemptions:
        found = scene.member.get(f"/investments/redemptions/{redemption}")
        assert found["state"] == "approved", f"{found['id']} is {found['state']}"
        events = [event["event"] for event in found["timeline"]]
        assert events.count("approved") == 1, f"{found['id']} went through {events}"
    assert_sound(scene.url)
