"""A browser without scripts: it reads the HTML as it is served, fills the forms in it as somebody
would, by their labels, and sends them as browsers send them.

    page = await plain.open("/destinations/new")
    form = page.form("Add destination").fill({"Name": "Cold wallet", "Address, or IBAN": "0x…"})
    page = await plain.send(form)
"""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

import httpx
from lxml import html
from lxml.html import HtmlElement

from tests.support.client import Browser, origin
from tests.support.plain_form import PlainForm
from tests.support.plain_html import faults_of, shut_away, words_of

_ACCEPTS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_NAVIGATES = {
    "Accept": _ACCEPTS,
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "same-origin",
}


class PlainPage:
    """An answer, read. `statuses` are those of the redirects that led here, and its own."""

    def __init__(self, answer: httpx.Response, statuses: list[int]) -> None:
        self.answer = answer
        self.statuses = [*statuses, answer.status_code]
        self.path = answer.url.path
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        self.document: HtmlElement = html.document_fromstring(answer.text if is_html else "<p>")

    @property
    def status(self) -> int:
        return self.statuses[-1]

    @property
    def text(self) -> str:
        """Of the content, in one line."""
        return " ".join(" ".join(self._one("//main").itertext()).split())

    @property
    def heading(self) -> str:
        return words_of(self._one("//h1"))

    def form(self, button: str, *, to: str = "") -> PlainForm:
        """The one with this button."""
        return PlainForm(self.document, button, to=to)

    def has_link(self, href: str) -> bool:
        """Whether a link that needs no script leads there."""
        links = self.document.xpath("//a[@href=$href]", href=href)
        return any(not shut_away(link) for link in links)

    def is_whole(self, *, signed_in: bool = True) -> bool:
        """The layout is around it, not a part of a page or a bare message."""
        title = words_of(self._one("//title"))
        return (
            title.endswith("· Stakehold")
            and bool(self.heading)
            and bool(self.document.xpath("//link[@rel='stylesheet']"))
            and bool(self.document.xpath("//nav[@aria-label='Main']")) == signed_in
        )

    def summary(self) -> HtmlElement | None:
        """What stands above a form that was refused."""
        found = self.document.xpath("//*[@data-error-summary]")
        assert len(found) < 2, "two summaries of errors"
        return found[0] if found else None

    def faults(self) -> list[str]:
        """What is wrong with the page for whoever has no scripts, a line each."""
        return [f"{self.path}: {fault}" for fault in faults_of(self.document)]

    def _one(self, path: str) -> HtmlElement:
        found = self.document.xpath(path)
        assert len(found) == 1, f"{len(found)} of {path} at {self.path} ({self.status})"
        return cast(HtmlElement, found[0])


class PlainBrowser:
    """Somebody's; `http` has their cookies."""

    def __init__(self, http: Browser) -> None:
        self.http = http

    async def open(self, address: str) -> PlainPage:
        return await self._arrive(await self.http.get(address, headers=_NAVIGATES), [])

    async def send(self, form: PlainForm) -> PlainPage:
        """Press the button. Raises where a browser would not send it but point at a field."""
        assert form.complaints() == [], form.complaints()
        body = urlencode([(name, _lines(value)) for name, value in form.pairs()])
        headers = _NAVIGATES | {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": origin(),
        }
        return await self._arrive(
            await self.http.post(form.address, content=body, headers=headers), []
        )

    async def _arrive(self, answer: httpx.Response, statuses: list[int]) -> PlainPage:
        while answer.status_code == 303:
            statuses.append(answer.status_code)
            there = answer.url.join(answer.headers["location"])
            assert there.host == answer.url.host, there
            answer = await self.http.get(there.raw_path.decode(), headers=_NAVIGATES)
        return PlainPage(answer, statuses)


def _lines(text: str) -> str:
    """Lines end so when a form is sent."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
