"""Browser journeys: the whole portal in its own processes, and real Chromium beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    expect,
    sync_playwright,
)

from e2e.doors import Doors
from e2e.pages.sign_in import sign_in, signed_in_before
from e2e.rest.people import People
from e2e.rest.things import Things
from tests.support.chromium import ensure_chromium
from tests.support.environment import free_port
from tests.support.portal import Portal, running_portal

# A screen moves within a second; a slow shared machine gets some more before a journey fails.
expect.set_options(timeout=8_000)

# The files that take longest come first, so that what shares the processors ends together.
_LONGEST = ("test_rest_document", "test_lighthouse", "test_every_page", "test_restarts")

Newcomer = Callable[..., Page]
# Somebody who signed in before: `known("rm", "/approvals")`.
Known = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in _LONGEST)


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    folder = Path(tempfile.mkdtemp(prefix="stakehold-e2e-"))
    try:
        with running_portal(port=free_port(), folder=folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(ensure_chromium()),
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield started
        started.close()


@pytest.fixture
def open_context(portal: Portal, browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A browser of somebody's own: cookies and storage are nobody else's."""
    opened: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(base_url=portal.url, **options)  # type: ignore[arg-type]
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def signed_in(open_context: Callable[..., BrowserContext]) -> Newcomer:
    """`signed_in("rm")`: a page of that person, in a browser of their own."""

    def make(login: str, *, by_single_sign_on: bool = False, **options: object) -> Page:
        page = open_context(**options).new_page()
        sign_in(page, login, by_single_sign_on=by_single_sign_on)
        return page

    return make


@pytest.fixture(scope="session")
def doors(portal: Portal) -> Iterator[Doors]:
    opened = Doors(portal)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def things(portal: Portal, doors: Doors) -> Iterator[Things]:
    """What a test needs to be there and is not about, made over REST."""
    people = People(portal)
    yield Things(people, portal, doors)
    people.close()


@pytest.fixture(autouse=True)
def a_day_of_its_own(doors: Doors) -> None:
    """What other tests asked for is a day old: a client's third request of a day is compliance's."""
    doors.pass_hours(25)


@pytest.fixture(scope="session")
def sessions() -> dict[str, StorageState]:
    """The cookies of those who signed in before, by login."""
    return {}


@pytest.fixture
def known(
    portal: Portal, open_context: Callable[..., BrowserContext], sessions: dict[str, StorageState]
) -> Known:
    """A page of that person in a fresh browser that has their cookies: they sign in once a run."""

    def make(login: str, address: str = "/", **options: object) -> Page:
        if login not in sessions:
            sessions[login] = signed_in_before(portal, login)
        page = open_context(storage_state=sessions[login], **options).new_page()
        page.goto(address)
        return page

    return make
