"""The users' guides show and name what is there. `make guides` takes their pictures anew.

Each guide's pages are opened in the state that it describes, and must have the headings and the
buttons that it names. With GUIDES=1 (and the demo's year of data) they are photographed as well.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.conftest import Known
from e2e.doors import Doors
from e2e.pages.picture import take_picture
from e2e.pages.redemption import approve, request_redemption, status

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "guides"
PICTURES = FOLDER / "pictures"
LINK = re.compile(r"^!\[[^\]]+\]\(pictures/([a-z-]+)\.png\)$", re.MULTILINE)
TAKING = os.environ.get("GUIDES") == "1"
SCREEN = {"width": 1440, "height": 900}
BYTES_MAX = 150_000
PRODUCT = "Aurora Yield USDT"

# What a guide can name: it stands at the beginning of the element's name.
ROLES: tuple[Any, ...] = ("heading", "button", "link", "columnheader", "list", "radio", "status")

At = Callable[..., Page]


class Guide:
    """One of `docs/guides`, and which of its pictures were come by."""

    def __init__(self, name: str) -> None:
        self.text = (FOLDER / f"{name}.md").read_text()
        self.pictures = LINK.findall(self.text)
        self._seen: list[str] = []

    def shows(self, page: Page, picture: str, *names: str) -> None:
        """The page is the one in the picture, and has what the guide calls by these names."""
        self._seen.append(picture)
        for name in names:
            assert re.search(rf"\b{re.escape(name)}(?!\w)", self.text), f"the guide has no {name}"
            expect(_named(page, name)).to_be_visible()
        if TAKING:
            expect(page.locator("#live-updates")).to_have_attribute("data-state", "live")
            take_picture(page, PICTURES / f"{picture}.png")

    def is_all_seen(self) -> bool:
        return sorted(self._seen) == sorted(self.pictures)


# For pictures all is asked on one day, and a client's third request would go to compliance. After the
# journeys' many days the second client's term is over.
ASKING, DECIDING = ("member2", "rm2") if TAKING else ("member", "rm")


def _named(page: Page, name: str) -> Locator:
    begins = re.compile(rf"^{re.escape(name)}(?!\w)", re.IGNORECASE)
    found = [page.get_by_role(role, name=begins) for role in ROLES]
    return reduce(lambda one, other: one.or_(other), found).first


@pytest.fixture(autouse=True)
def a_day_of_its_own(doors: Doors) -> None:
    """As everywhere, but for pictures: a desk on which every clock has run out is no example."""
    if not TAKING:
        doors.pass_hours(25)


@pytest.fixture
def at(known: Known) -> At:
    """A page of that person as the pictures show it: a desk's screen, by day."""

    def open_page(login: str, address: str = "/") -> Page:
        return known(login, address, viewport=SCREEN, color_scheme="light")

    return open_page


def test_the_clients_guide(at: At) -> None:
    guide = Guide("client")
    page = at("member", "/holdings")
    page.get_by_role("link", name=f"Redeem {PRODUCT}").first.click()
    page.get_by_role("radio", name="Units").check()
    page.locator("input[name=units]").fill("4200")
    page.get_by_role("button", name="Request redemption").click()
    expect(page.get_by_role("heading", name="What you receive")).to_be_visible()
    guide.shows(page, "client-quote", "Confirm redemption", "How was this computed?")
    page.get_by_role("button", name="Confirm redemption").click()
    expect(status(page)).to_have_text("Pending approval")
    guide.shows(page, "client-request", "Cancel request")
    page.goto("/holdings")
    guide.shows(page, "client-holdings", "Worth today", "In progress", "What you hold", "Redeem")
    page.goto("/destinations")
    guide.shows(page, "client-destinations", "Add a destination", "Details")
    assert guide.is_all_seen()


def test_the_relationship_managers_guide(at: At) -> None:
    guide = Guide("relationship-manager")
    request = request_redemption(at("member"), product=PRODUCT, units="4000")
    page = at("rm", "/approvals")
    guide.shows(
        page,
        "relationship-manager-approvals",
        "At a glance",
        "Redemptions awaiting approval",
        "Review",
        "Rejected and escalated",
        "Your largest clients",
        "All clients",
    )
    page.goto(request)
    guide.shows(page, "relationship-manager-decision", "Approve", "Reject")
    page.goto("/clients")
    guide.shows(page, "relationship-manager-clients", "Clients", "Worth today", "In US dollars")
    assert guide.is_all_seen()


def test_the_traders_guide(at: At) -> None:
    guide = Guide("trader")
    request = request_redemption(at(ASKING), product=PRODUCT, units="3500")
    manager = at(DECIDING, request)
    approve(manager)
    expect(status(manager)).to_have_text("Approved")
    page = at("trader", "/settlement")
    guide.shows(
        page,
        "trader-settlement",
        "At a glance",
        "Settlement queue",
        "Review",
        "Payouts under way",
        "Balances by account",
        "Balance",
        "Expected",
        "Reserved",
        "Free",
    )
    page.goto(request)
    guide.shows(page, "trader-ready", "Where the assets are", "Mark ready")
    assert guide.is_all_seen()


def test_the_guide_for_operations(at: At) -> None:
    guide = Guide("operations")
    request_redemption(at(ASKING), product=PRODUCT, units="3100")
    page = at("ops", "/operations")
    guide.shows(page, "operations-dashboard", "dead letters", "redemptions by state")
    page.goto("/deadlines?state=running")
    page.get_by_role("link", name=re.compile("^Trail of the")).last.click()
    guide.shows(page, "operations-clock", "trail", "More time")
    assert guide.is_all_seen()


def test_compliances_guide(at: At) -> None:
    guide = Guide("compliance")
    page = at("compliance", "/approvals")
    guide.shows(page, "compliance-approvals", "Approvals", "On hold", "Flagged elsewhere")
    page.goto("/clients?q=Mara")
    page.get_by_role("link", name="Mara Lindqvist").click()
    page.get_by_role("link", name="KYC and standing").click()
    guide.shows(page, "compliance-standing", "KYC and standing")
    page.goto("/audit")
    guide.shows(page, "compliance-audit", "audit trail", "CSV", "Excel")
    assert guide.is_all_seen()


def test_the_administrators_guide(at: At) -> None:
    guide = Guide("administrator")
    page = at("admin", "/users?q=aurora.example")
    guide.shows(page, "administrator-people", "People")
    page.get_by_role("link", name="Mara Lindqvist").click()
    guide.shows(page, "administrator-person", "Change role", "Deactivate")
    assert guide.is_all_seen()


def test_a_guide_has_a_few_pictures_and_no_picture_is_nobodys() -> None:
    named: list[str] = []
    for guide in sorted(FOLDER.glob("*.md")):
        pictures = LINK.findall(guide.read_text())
        assert 2 <= len(pictures) <= 4, guide.name
        assert all(picture.startswith(f"{guide.stem}-") for picture in pictures), guide.name
        named += pictures
    assert sorted(path.name for path in PICTURES.iterdir()) == sorted(f"{n}.png" for n in named)
    for path in PICTURES.iterdir():
        picture = path.read_bytes()
        assert picture.startswith(b"\x89PNG"), path.name
        assert struct.unpack(">II", picture[16:24]) == (SCREEN["width"], SCREEN["height"])
        assert len(picture) <= BYTES_MAX, path.name
