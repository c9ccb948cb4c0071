"""A request that does not go straight to its payout: each turn is seen where it matters, live."""

from __future__ import annotations

from decimal import Decimal

from playwright.sync_api import expect

from e2e.conftest import Known
from e2e.doors import Doors
from e2e.pages.hands import choose, press, write
from e2e.pages.redemption import (
    approve,
    assert_not_reloaded,
    mark,
    progress,
    reference,
    request_redemption,
    status,
    units_locked,
)

YIELD = "Aurora Yield USDT"
GROWTH = "Aurora NAV Growth"


def test_a_rejection_brings_its_note_and_the_units_back(known: Known) -> None:
    client = known("member")
    address = request_redemption(client, product=GROWTH, units="1000")
    holdings = known("member", "/holdings")
    expect(units_locked(holdings, GROWTH)).to_have_count(1)
    mark(holdings)

    manager = known("rm", address)
    mark(manager)
    write(manager.get_by_label("Note"), "The wallet belongs to somebody else.")
    press(manager.get_by_role("button", name="Reject"))
    expect(status(manager)).to_have_text("Rejected")

    expect(status(client)).to_have_text("Rejected")
    expect(progress(client)).to_contain_text("The wallet belongs to somebody else.")
    expect(client.get_by_role("button", name="Cancel request")).to_have_count(0)
    expect(units_locked(holdings, GROWTH)).to_have_count(0)
    for page in (client, holdings, manager):
        assert_not_reloaded(page)


def test_a_client_takes_the_request_back(known: Known) -> None:
    client = known("member")
    request_redemption(client, product=GROWTH, units="1100")
    waiting = (
        known("rm", "/approvals")
        .get_by_role("table", name="Redemptions awaiting approval")
        .get_by_role("row")
        .filter(has_text=reference(client))
    )
    expect(waiting).to_have_count(1)
    mark(waiting.page)

    press(client.get_by_role("button", name="Cancel request"))
    expect(status(client)).to_have_text("Cancelled")
    expect(waiting).to_have_count(0)
    assert_not_reloaded(waiting.page)
    client.goto("/holdings")
    expect(client.get_by_role("heading", name="What you hold")).to_be_visible()
    expect(units_locked(client, GROWTH)).to_have_count(0)


def test_a_net_that_moved_is_offered_and_accepted(known: Known, doors: Doors) -> None:
    client = known("member")
    address = request_redemption(client, product=GROWTH, units="1200")
    doors.move_nav(GROWTH, by=Decimal("0.01"))
    manager = known("rm", address)
    approve(manager)
    expect(status(manager)).to_have_text("Awaiting client")
    mark(manager)

    expect(status(client)).to_have_text("Awaiting client")
    expect(client.get_by_role("heading", name="The net has moved")).to_be_visible()
    press(client.get_by_role("button", name="Accept", exact=True))
    for page in (client, manager):
        expect(status(page)).to_have_text("Approved")
        assert_not_reloaded(page)


def test_compliance_holds_it_and_lets_it_go_on(known: Known) -> None:
    client = known("member")
    address = request_redemption(client, product=YIELD, units="700")
    manager = known("rm", address)
    expect(manager.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    mark(manager)

    officer = known("compliance", address)
    write(officer.get_by_label("Note"), "The passport has expired.")
    press(officer.get_by_role("button", name="Put on hold"))
    for page in (officer, client, manager):
        expect(status(page)).to_have_text("On hold")
    expect(progress(client)).to_contain_text("The passport has expired.")
    expect(manager.get_by_role("button", name="Approve", exact=True)).to_have_count(0)

    write(officer.get_by_label("Note"), "The new one is here.")
    press(officer.get_by_role("button", name="Resume"))
    for page in (officer, client, manager):
        expect(status(page)).to_have_text("Pending approval")
    approve(manager)
    for page in (manager, client):
        expect(status(page)).to_have_text("Approved")
        assert_not_reloaded(page)


def test_operations_give_it_to_another_manager(known: Known) -> None:
    client = known("member")
    address = request_redemption(client, product=YIELD, units="800")
    first, second = known("rm", address), known("rm2", "/approvals")
    queue = second.get_by_role("table", name="Redemptions awaiting approval")
    expect(queue).to_be_visible()
    row = queue.get_by_role("row").filter(has_text=reference(client))
    expect(row).to_have_count(0)
    for page in (first, second):
        mark(page)

    operations = known("ops", address)
    choose(operations.get_by_role("radio", name="Kenji Sato"))
    write(operations.get_by_label("Note"), "Ruth is away.")
    press(operations.get_by_role("button", name="Reassign"))
    expect(progress(operations)).to_contain_text("Given to another manager")

    # Who gave it away can no longer decide; who got it sees it arrive, and does.
    expect(first.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    expect(row).to_have_count(1)
    for page in (first, second):
        assert_not_reloaded(page)
    press(row.get_by_role("link", name="Review"))
    approve(second)
    expect(status(second)).to_have_text("Approved")
    expect(status(client)).to_have_text("Approved")
    assert_not_reloaded(client)


def test_the_second_of_two_on_a_request_is_told_that_it_changed(known: Known) -> None:
    address = request_redemption(known("member"), product=YIELD, units="600")
    manager = known("rm", address)
    mark(manager)
    note = manager.get_by_label("Note")
    write(note, "I was about to decide.")

    officer = known("compliance", address)
    for button, state in (("Put on hold", "On hold"), ("Resume", "Pending approval")):
        write(officer.get_by_label("Note"), "A second look.")
        press(officer.get_by_role("button", name=button))
        expect(status(officer)).to_have_text(state)

    # What is being typed stays; deciding on what is no longer so is refused, and then possible.
    changed = manager.get_by_role("paragraph").filter(has_text="This request changed")
    expect(changed).to_be_visible()
    expect(note).to_have_value("I was about to decide.")
    approve(manager)
    expect(manager.get_by_role("alert")).to_contain_text("This request changed")
    expect(status(manager)).to_have_text("Pending approval")
    expect(note).to_have_value("I was about to decide.")
    # Nor does a refresh take a refused form for an untouched one.
    with manager.expect_response(lambda response: "x-block" in response.request.headers):
        manager.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    manager.wait_for_timeout(200)
    expect(note).to_have_value("I was about to decide.")
    approve(manager)
    expect(status(manager)).to_have_text("Approved")
    assert_not_reloaded(manager)
