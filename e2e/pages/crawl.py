"""Every kind of page that somebody comes to by links: one page of each route.

The browser keeps its document and takes the next page's body into it, as htmx does with a boosted link:
styles and scripts are loaded once, which is most of what a page costs.
"""

from __future__ import annotations

import re

from litestar import Litestar
from playwright.sync_api import Page

from app.web.routes import PAGES

# Ask for the pages at once; keep them, and tell how each was answered and where it leads.
_FETCH = """(addresses) => {
  window.fetchedPages ??= new Map();
  return Promise.all(addresses.map(async (address) => {
    const answer = await fetch(address);
    const html = await answer.text();
    window.fetchedPages.set(address, html);
    const links = new DOMParser().parseFromString(html, "text/html").querySelectorAll("a[href^='/']");
    return { status: answer.status, links: [...links].map((link) => link.getAttribute("href")) };
  }));
}"""
_SHOW = """(address) => {
  const next = new DOMParser().parseFromString(window.fetchedPages.get(address), "text/html");
  document.title = next.title;
  document.body.replaceWith(document.adoptNode(next.body));
}"""


def page_routes() -> set[str]:
    """Those of GET."""
    portal = Litestar(route_handlers=PAGES, openapi_config=None)
    return {route.path_format for route in portal.routes if "GET" in route.methods}


class Crawl:
    """What one person reaches by links from the page they are on: an address of each route, and of
    `also` what they may see. Raises where a link leads to what they may not."""

    def __init__(self, page: Page, *, also: list[str]) -> None:
        # Nothing moves while it is looked at: its live regions are another page's.
        page.route_web_socket(re.compile("/live"), lambda _: None)
        page.goto("/")
        self._page = page
        # Those without an id come first: /clients/new would be nobody called so.
        self._patterns = {
            route: re.compile(re.sub(r"\{[^}]+\}", "[^/]+", route))
            for route in sorted(page_routes(), key=lambda path: path.count("{"))
        }
        self.routes: set[str] = set()
        self.addresses: list[str] = []
        self._fetch(also, may_be_refused=True)
        waiting = self._new(["/"])
        while waiting:
            waiting = self._new(self._fetch(waiting))

    def show(self, address: str) -> None:
        self._page.evaluate(_SHOW, address)

    def _fetch(self, addresses: list[str], *, may_be_refused: bool = False) -> list[str]:
        """The links on these pages, all of them asked for at once."""
        links: list[str] = []
        answers = self._page.evaluate(_FETCH, addresses)
        for address, answer in zip(addresses, answers, strict=True):
            if may_be_refused and answer["status"] in (403, 404):
                continue
            assert answer["status"] == 200, (address, answer["status"])
            self.addresses.append(address)
            self.routes.add(self._route_of(address))
            links += answer["links"]
        return links

    def _new(self, links: list[str]) -> list[str]:
        """The first of those that lead to each route that was not seen yet."""
        found = {}
        for link in links:
            route = self._route_of(link)
            if route and route not in self.routes:
                found.setdefault(route, link)
        return list(found.values())

    def _route_of(self, address: str) -> str:
        path = re.split("[?#]", address)[0]
        return next((one for one, known in self._patterns.items() if known.fullmatch(path)), "")
