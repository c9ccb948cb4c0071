"""Forms, sent by people without scripts: each is found by links, refused once, and then done."""

from __future__ import annotations

import re

from app.web.shell import Portal
from tests.forms.routes import NOTHING_TO_REFUSE
from tests.security.seats import API, Seats
from tests.security.traces import nothing_written
from tests.security.walk import SAFE, routes_of, writes_of
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk
from tests.support.plain_browser import PlainBrowser, PlainPage
from tests.support.plain_form import PlainForm
from tests.support.plain_html import words_of


def unsafe_routes(portal: Portal) -> set[str]:
    """Of the pages."""
    return {
        path
        for method, path in routes_of(portal)
        if method not in SAFE and not path.startswith(API)
    }


class Walk:
    """Remembers which routes were done and which were refused."""

    def __init__(self, portal: Portal, seats: Seats, desk: Desk, database: DatabaseUrls) -> None:
        self._seats = seats
        self._desk = desk
        self._database = database
        self._keyed = {
            path for (_, path), takes_key in writes_of(portal.litestar).items() if takes_key
        }
        self._routes = sorted(unsafe_routes(portal), key=lambda path: path.count("{"))
        self._faults: list[str] = []
        self._others: dict[str, PlainBrowser] = {}
        self.did: set[str] = set()
        self.was_refused: set[str] = set()

    def seat(self, name: str, browser: PlainBrowser) -> None:
        """Somebody who is not one of the desk."""
        self._others[name] = browser

    async def browser(self, login: str) -> PlainBrowser:
        if login in self._others:
            return self._others[login]
        return PlainBrowser((await self._seats.of(self._desk, login)).browser)

    async def to(self, login: str, *way: str) -> PlainPage:
        """From the start, by links: the page before each of these addresses has one to it."""
        browser = await self.browser(login)
        page = self._looked_at(await browser.open("/"))
        for href in way:
            assert page.has_link(href), f"no link to {href} at {page.path}"
            page = self._looked_at(await browser.open(href))
        return page

    async def refused(
        self,
        login: str,
        form: PlainForm,
        says: str,
        *,
        field: str = "",
        gone: bool = False,
        signed_in: bool = True,
    ) -> PlainPage:
        """Sent wrong: a whole page says so, beside the field as well, with what was typed.

        `field` is its label, empty where the state is what forbids it; `gone`: it is so for good,
        and the form is not offered again.
        """
        page = self._looked_at(await (await self.browser(login)).send(form))
        assert page.statuses in ([422], [409]), (page.statuses, page.text)
        assert page.is_whole(signed_in=signed_in), page.path
        summary = page.summary()
        assert summary is not None, page.text
        assert says in words_of(summary), words_of(summary)
        if field:
            _assert_beside(page, says, field)
        if not gone:
            _assert_kept(form, form.again(page.document))
        self.was_refused.add(self._route_of(form))
        return page

    async def done(
        self, login: str, form: PlainForm, shows: str, *, signed_in: bool = True
    ) -> PlainPage:
        """Sent right: the browser is sent on, to a page that shows what was done. A second click
        changes nothing, and leads there as well."""
        browser, route = await self.browser(login), self._route_of(form)
        page = self._looked_at(await browser.send(form))
        assert page.statuses[0] == 303 and page.status == 200, (page.statuses, page.text)
        _assert_shown(page, shows, signed_in=signed_in)
        if route in self._keyed:
            async with nothing_written(self._database, self._desk):
                again = await browser.send(form)
            assert (again.statuses, again.path) == (page.statuses, page.path), again.text
        self.did.add(route)
        return page

    async def previewed(self, login: str, form: PlainForm, shows: str) -> PlainPage:
        """Sent right, and nothing is done yet: the answer itself shows what it would come to."""
        page = self._looked_at(await (await self.browser(login)).send(form))
        assert page.statuses == [200], (page.statuses, page.text)
        _assert_shown(page, shows)
        self.did.add(self._route_of(form))
        return page

    async def saved(self, login: str, form: PlainForm, begins: bytes) -> None:
        """Sent right: the answer is a file to keep."""
        page = await (await self.browser(login)).send(form)
        assert page.statuses == [200], (page.statuses, page.text)
        assert page.answer.headers["content-disposition"].startswith("attachment; filename=")
        assert page.answer.content.startswith(begins), page.answer.content[:200]
        self.did.add(self._route_of(form))

    def finish(self, routes: frozenset[str]) -> None:
        """All that this walk is for was done, and refused where it can be; no page was at fault."""
        assert self._faults == [], "\n".join(sorted(set(self._faults)))
        assert self.did == routes, self.did ^ routes
        assert self.was_refused == routes - NOTHING_TO_REFUSE, self.was_refused ^ routes

    def _looked_at(self, page: PlainPage) -> PlainPage:
        self._faults += page.faults()
        return page

    def _route_of(self, form: PlainForm) -> str:
        """Those without an id come first: /users/export is not somebody called so."""
        for route in self._routes:
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", route), form.path):
                return route
        raise AssertionError(f"no route takes {form.path}")


def _assert_shown(page: PlainPage, shows: str, *, signed_in: bool = True) -> None:
    assert page.is_whole(signed_in=signed_in), page.path
    assert page.summary() is None, page.text
    assert shows in page.text, f"{shows!r} is not in: {page.text}"


def _assert_beside(page: PlainPage, says: str, field: str) -> None:
    """The summary names the field and leads to it, and the message stands in its form."""
    summary = page.summary()
    assert summary is not None
    (link,) = (one for one in summary.iter("a") if words_of(one) == field)
    target = page.document.get_element_by_id(link.get("href").removeprefix("#"))
    (around,) = target.xpath("ancestor::form")
    messages = around.xpath(".//*[@class='field-error']")
    assert any(says in words_of(one) for one in messages), f"nothing beside {field}"
    if target.tag != "fieldset":
        described = (target.get("aria-describedby") or "").split()
        told = [words_of(page.document.get_element_by_id(id_)) for id_ in described]
        assert any(says in text for text in told), f"{field} is not described by its error"
        assert target.get("aria-invalid") == "true"


def _assert_kept(before: PlainForm, after: PlainForm) -> None:
    for label, text in before.typed.items():
        # A password is typed again, and space around a text is no part of it.
        if label != "Password":
            assert after.value(label) == text.strip(), f"{label}: {after.value(label)!r}"
    for label in before.chosen:
        assert after.is_chosen(label), f"{label} is not chosen any more"
