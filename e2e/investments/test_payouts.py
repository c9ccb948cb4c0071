"""Payouts that do not go as they should: refused by the custodian, and later than promised."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from e2e.conftest import Known
from e2e.doors import Doors
from e2e.pages.hands import press
from e2e.pages.redemption import (
    approve,
    assert_not_reloaded,
    mark,
    progress,
    request_redemption,
    status,
)

PRODUCT = "Aurora Yield USDT"


def _approved(known: Known, *, units: str) -> tuple[Page, Page]:
    """A request that its manager has approved, on its client's and on a trader's screen."""
    client = known("member")
    address = request_redemption(client, product=PRODUCT, units=units)
    approve(known("rm", address))
    expect(status(client)).to_have_text("Approved")
    trader = known("trader", address)
    mark(trader)
    return client, trader


def test_a_failed_payout_is_sent_again(known: Known, doors: Doors) -> None:
    client, trader = _approved(known, units="1300")
    doors.next_payout("refuse")
    press(trader.get_by_role("button", name="Mark ready"))
    for page in (client, trader):
        expect(status(page)).to_have_text("Payout failed")
    expect(trader.get_by_text("No balance changed")).to_be_visible()

    press(trader.get_by_role("button", name="Retry payout"))
    for page in (client, trader):
        expect(status(page)).to_have_text("Completed")
        assert_not_reloaded(page)
    expect(progress(client)).to_contain_text("Payout ordered again")


def test_a_breach_stays_on_record_when_it_is_paid_late(known: Known, doors: Doors) -> None:
    client, trader = _approved(known, units="1400")
    queue = known("trader2", "/settlement")
    late = queue.get_by_role("listitem").filter(has_text="Past their 36 hours")
    before = late.inner_text()
    mark(queue)

    doors.pass_hours(37)
    for page in (client, trader):
        expect(progress(page)).to_contain_text("36-hour promise breached")
        expect(page.get_by_text("late by").first).to_be_visible()
    expect(late).not_to_have_text(before, use_inner_text=True)
    expect(late).to_contain_text("operations have been told")

    press(trader.get_by_role("button", name="Mark ready"))
    for page in (client, trader):
        expect(status(page)).to_have_text("Completed")
        expect(
            page.get_by_text(re.compile("late by 01:0.*when paid", re.DOTALL)).first
        ).to_be_visible()
        expect(progress(page)).to_contain_text("36-hour promise breached")
    for page in (client, trader, queue):
        assert_not_reloaded(page)
