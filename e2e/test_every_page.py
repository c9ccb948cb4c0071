"""Every page of every role: axe-core finds nothing in either theme, and it fits a phone and a desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from e2e.conftest import Known
from e2e.pages.accessibility import Looks, violations
from e2e.pages.crawl import Crawl, page_routes
from e2e.pages.tidy import WIDTHS, untidy
from e2e.rest.things import Things

ROLES = ("member", "rm", "trader", "ops", "compliance", "admin")
# No page of its own: a part of every page; the way in, which others look at; ways that lead on.
NOT_PAGES = {"/notifications/count", "/auth/sign-in", "/auth/oidc/start", "/auth/oidc/callback"}


# More than a hundred pages, at two widths and in two themes.
@pytest.mark.timeout(300)
def test_every_page_of_every_role(known: Known, things: Things) -> None:
    also = _made(things)
    looks, found = Looks(), []
    routes: set[str] = set()
    for login in ROLES:
        page = known(login)
        crawl = Crawl(page, also=also)
        routes |= crawl.routes
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for address in crawl.addresses:
                crawl.show(address)
                wrong = untidy(page)
                if width == max(WIDTHS):
                    wrong += violations(page, looks=looks)
                found += [f"{login}, {address} at {width} px: {line}" for line in wrong]
    assert found == [], "\n".join(found)
    assert page_routes() - routes == NOT_PAGES


def _made(things: Things) -> list[str]:
    """What no list leads to at once: a quote, a digest, and requests in several states."""
    asked = {name: things.asked()[name] for name in ("subscription_id", "units")}
    quote = things.people.post("member", "/investments/redemptions/quote", asked)
    things.dead_job()
    return [
        f"/explain/quotes/{quote['quote_id']}?amount=net",
        f"/notifications/digests/{things.digest()}",
        *(
            f"/redemptions/{things.redemption(state)}"
            for state in ("pending_approval", "approved", "on_hold")
        ),
    ]


def test_the_check_sees_what_is_untidy(open_context: Callable[..., BrowserContext]) -> None:
    page = open_context().new_page()
    page.goto("/auth/sign-in?tenant=aurora")
    assert untidy(page) == []
    page.evaluate(
        """() => {
          const add = (name, style) => {
            const one = document.createElement("div");
            one.className = name;
            one.textContent = "1,250.00 USDT of it";
            Object.assign(one.style, style);
            document.querySelector("main").append(one);
          };
          add("amount", { width: "50px", whiteSpace: "normal" });
          add("", { width: "50px", overflow: "hidden", whiteSpace: "nowrap" });
          add("", { height: "8px", overflow: "hidden" });
          add("", { width: "200vw" });
        }"""
    )
    kinds = [line.split(":")[0].split(" by ")[0] for line in untidy(page)]
    assert kinds == ["scrolls sideways", "wraps", "cut, or scrolls", "cut"]
