"""KYC runs out while a redemption is on its way: it holds itself, and goes on once it is renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from e2e.conftest import Known
from e2e.doors import Doors
from e2e.pages.accessibility import violations
from e2e.pages.hands import choose, press, write
from e2e.pages.redemption import approve, reference, request_redemption, status

PRODUCT = "Aurora Yield USDT"


def _record(page: Page, state: str, *, last_day: str = "") -> None:
    form = page.get_by_role("region", name="Record KYC")
    choose(form.get_by_label(state))
    write(form.get_by_label("Last day it is good for"), last_day)
    write(form.get_by_label("Reason"), "Report 17")
    press(form.get_by_role("button", name="Record KYC"))
    expect(page.get_by_role("region", name="What was recorded")).to_contain_text("Report 17")


def test_a_lapse_holds_the_redemption_until_it_is_renewed(known: Known, doors: Doors) -> None:
    client = known("member")
    address = request_redemption(client, product=PRODUCT, units="320")

    compliance = known("compliance", "/clients")
    press(compliance.get_by_role("link", name="Mara Lindqvist"))
    press(compliance.get_by_role("link", name="KYC and standing"))
    expect(compliance.get_by_role("heading", name="KYC and standing")).to_be_visible()
    assert violations(compliance) == []
    standing = compliance.url
    _record(compliance, "Lapsed")
    expect(compliance.get_by_text("Nothing is paid to Mara Lindqvist")).to_be_visible()
    assert violations(compliance) == []

    manager = known("rm", address)
    approve(manager)
    expect(status(manager)).to_have_text("On hold")
    expect(status(client)).to_have_text("On hold")
    expect(
        client.get_by_text("KYC has lapsed. Found by the portal at approval").first
    ).to_be_visible()

    compliance.goto("/approvals")
    held = compliance.get_by_role("table", name="On hold").get_by_role("row")
    press(held.filter(has_text=reference(client)).get_by_role("link", name=reference(client)))
    expect(compliance.get_by_text("It cannot be resumed while this lasts")).to_be_visible()
    expect(compliance.get_by_role("button", name="Resume")).to_have_count(0)
    assert violations(compliance) == []
    compliance.goto(standing)
    # Business time is ahead of real time here: the furthest day that may be recorded is not.
    _record(compliance, "Passed", last_day=f"{datetime.now(UTC) + timedelta(days=3000):%Y-%m-%d}")
    compliance.goto(address)
    write(compliance.get_by_label("Note").first, "Renewed")
    press(compliance.get_by_role("button", name="Resume"))
    expect(status(compliance)).to_have_text("Pending approval")
    approve(manager)
    expect(status(client)).to_have_text("Approved")
