"""From a client's wish to money on its way, on three screens at once, none of them reloaded."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from e2e.conftest import Newcomer
from e2e.pages.hands import choose, press, write
from e2e.pages.redemption import assert_not_reloaded, mark, reference, request_redemption, status

PRODUCT = "Aurora Yield USDT"


def test_each_screen_moves_with_each_step(signed_in: Newcomer) -> None:
    client = signed_in("member", by_single_sign_on=True)
    manager = signed_in("rm", by_single_sign_on=True)
    trader = signed_in("trader", by_single_sign_on=True)
    expect(client.get_by_role("region", name="Live updates")).to_be_attached()

    # The manager's queue and the trader's are open before anything happens.
    queue = manager.get_by_role("table", name="Redemptions awaiting approval")
    expect(queue).to_be_visible()
    settlement = trader.get_by_role("table", name="Settlement queue")
    expect(settlement).to_be_visible()
    for page in (manager, trader):
        mark(page)

    address = request_redemption(client, product=PRODUCT, units="1500")
    mark(client)
    row = queue.get_by_role("row").filter(has_text=reference(client))
    expect(row).to_have_count(1)
    assert_not_reloaded(manager)

    # The manager decides on the redemption's own page; the client's screen follows.
    press(row.get_by_role("link", name="Review"))
    press(manager.get_by_role("button", name="Approve", exact=True))
    expect(status(manager)).to_have_text("Approved")
    expect(status(client)).to_have_text("Approved")
    expect(client.get_by_text(re.compile(r"3[56]:\d\d:\d\d")).first).to_be_visible()
    row = settlement.get_by_role("row").filter(has_text=reference(client))
    expect(row).to_have_count(1)
    assert_not_reloaded(client)
    assert_not_reloaded(trader)

    # The trader brings the assets; the payout follows by itself.
    mark(manager)
    press(row.get_by_role("link", name="Review"))
    press(trader.get_by_role("button", name="Mark ready"))
    for page in (client, manager, trader):
        expect(status(page)).to_have_text("Completed")
    assert_not_reloaded(client)
    assert_not_reloaded(manager)
    assert client.url == address


def test_a_screen_catches_up_after_its_socket_was_cut(signed_in: Newcomer) -> None:
    client = signed_in("member")
    cut = False
    sockets = []

    def through(route: object) -> None:
        if cut:
            route.close(code=1011)  # type: ignore[attr-defined]
            return
        sockets.append(route)
        server = route.connect_to_server()  # type: ignore[attr-defined]
        route.on_message(server.send)  # type: ignore[attr-defined]
        server.on_message(route.send)  # type: ignore[attr-defined]

    client.route_web_socket(re.compile("/live"), through)
    address = request_redemption(client, product=PRODUCT, units="900")
    expect(client.get_by_text("Live", exact=True)).to_be_visible()
    mark(client)

    cut = True
    sockets[-1].close(code=1011)
    manager = signed_in("rm")
    manager.goto(address)
    press(manager.get_by_role("button", name="Approve", exact=True))
    expect(status(manager)).to_have_text("Approved")
    # While it is cut, nothing can have told the client's page.
    expect(client.get_by_text("Reconnecting")).to_be_visible()
    assert status(client).text_content() == "Pending approval"

    cut = False
    expect(status(client)).to_have_text("Approved", timeout=20_000)
    assert_not_reloaded(client)


def test_a_form_keeps_what_was_typed_and_says_what_is_wrong(signed_in: Newcomer) -> None:
    client = signed_in("member")
    client.goto("/holdings")
    press(client.get_by_role("link", name=f"Redeem {PRODUCT}").first)
    choose(client.get_by_role("radio", name="Units"))
    write(client.locator("input[name=units]"), "99999999")
    press(client.get_by_role("button", name="Request redemption"))
    expect(client.locator("input[name=units]")).to_have_value("99999999")
    expect(client.get_by_text("is more than").first).to_be_visible()


def test_a_double_click_asks_once(signed_in: Newcomer) -> None:
    client = signed_in("member")
    client.goto("/redemptions")
    requests = client.get_by_role("link", name=re.compile("R-20"))
    before = requests.count()
    client.goto("/holdings")
    press(client.get_by_role("link", name=f"Redeem {PRODUCT}").first)
    # Not the whole holding, which the form offers: later tests redeem from it as well.
    choose(client.get_by_role("radio", name="Units"))
    write(client.locator("input[name=units]"), "150")
    press(client.get_by_role("button", name="Request redemption"))
    client.get_by_role("button", name="Confirm redemption").dblclick()
    expect(client.get_by_role("heading", name="Redemption", exact=True)).to_be_visible()
    client.goto("/redemptions")
    expect(requests).to_have_count(before + 1)
