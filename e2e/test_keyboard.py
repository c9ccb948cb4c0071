"""What is done beside redemptions, by keyboard alone: clocks, tiers, people, destinations, choices."""

from __future__ import annotations

from datetime import datetime, timedelta

from playwright.sync_api import Page, expect

from e2e.conftest import Known
from e2e.pages.hands import choose, pick, press, write
from e2e.rest.things import Things

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def _button(page: Page, name: str) -> None:
    press(page.get_by_role("main").get_by_role("button", name=name))


def test_clocks_are_changed(known: Known, things: Things) -> None:
    running = things.payout_clock(things.redemption("approved"))
    held = things.payout_clock(things.redemption("on_hold"))
    operations = known("ops", f"/deadlines/{running['id']}")
    officer = known("compliance", f"/deadlines/{running['id']}")

    # The field is in the viewer's zone and ends with the minute.
    end = operations.get_by_label("New end")
    later = datetime.fromisoformat(end.input_value()) + timedelta(days=2)
    write(end, f"{later:%Y-%m-%dT%H:%M}")
    write(operations.get_by_label("Reason"), "The venue is closed.")
    _button(operations, "See what it comes to")
    expect(operations.get_by_role("heading", name="What it comes to")).to_be_focused()
    _button(operations, "Propose 2 d more")
    expect(operations.get_by_role("heading", name="Waits for a decision")).to_be_visible()
    write(officer.get_by_label("Note"), "Two days, then.")
    _button(officer, "Approve")
    expect(operations.get_by_role("table", name="Trail")).to_contain_text("Extended")

    for page in (operations, officer):
        page.goto(f"/deadlines/{held['id']}")
    write(officer.get_by_label("Reason"), "While we look into it.")
    _button(officer, "Propose a pause")
    write(operations.get_by_label("Note"), "Not this time.")
    _button(operations, "Reject")
    expect(officer.get_by_role("table", name="What was proposed")).to_contain_text("Rejected")


def test_a_tier_is_asked_for_and_approved(known: Known) -> None:
    operations = known("ops", "/clients")
    press(operations.get_by_role("link", name="Tomás Herrera"))
    press(operations.get_by_role("link", name="KYC and standing"))
    choose(operations.get_by_role("radio", name="Institutional"))
    write(operations.get_by_label("Reason"), "They brought more.")
    _button(operations, "Ask compliance")
    expect(operations.get_by_text("waits for compliance")).to_be_visible()

    officer = known("compliance", "/approvals")
    waiting = officer.get_by_role("table", name="Changes of tier awaiting you")
    press(waiting.get_by_role("link", name="Tomás Herrera"))
    _button(officer, "Approve institutional")
    now = operations.get_by_role("region", name="As it stands")
    expect(now).not_to_contain_text("waits for compliance")
    expect(now).to_contain_text("Institutional")


def test_access_is_changed_ended_and_given_back(known: Known, things: Things) -> None:
    person = things.bystander()
    page = known("admin", f"/users/{person}")
    choose(page.get_by_role("radio", name="Trader"))
    _button(page, "Change role")
    about = page.get_by_role("region", name="About them")
    expect(about).to_contain_text("Trader")
    _button(page, "Deactivate")
    expect(about.get_by_role("status")).to_have_text("Deactivated")
    _button(page, "Reactivate")
    expect(about.get_by_role("status")).to_have_text("Active")


def test_a_client_sees_to_their_own(known: Known) -> None:
    page = known("member", "/destinations")
    press(page.get_by_role("link", name="Add a destination").first)
    write(page.get_by_label("Name"), "Keyboard wallet")
    choose(page.get_by_role("radio", name="Wallet"))
    pick(page.get_by_label("Asset"), "USDT")
    write(page.get_by_label("Address, or IBAN"), WALLET)
    _button(page, "Add destination")
    press(page.get_by_role("link", name="Details of Keyboard wallet"))
    _button(page, "Revoke Keyboard wallet")
    expect(page.get_by_role("status").filter(has_text="Revoked")).to_be_visible()

    press(page.get_by_role("banner").get_by_role("link", name="Notifications"))
    press(page.get_by_role("link", name="What comes by mail"))
    box = page.locator("input[type=checkbox]:not([disabled])").first
    for wanted in (False, True):
        choose(box, ticked=wanted)
        _button(page, "Save")
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        assert box.is_checked() is wanted
