"""The way from a wish to its approval in a browser without JavaScript."""

from __future__ import annotations

from playwright.sync_api import expect

from e2e.conftest import Known
from e2e.pages.redemption import approve, request_redemption, status

PRODUCT = "Aurora Yield USDT"


def test_without_javascript(known: Known) -> None:
    client = known("member", java_script_enabled=False)
    address = request_redemption(client, product=PRODUCT, units="550")

    manager = known("rm", address, java_script_enabled=False)
    approve(manager)
    expect(status(manager)).to_have_text("Approved")

    # Nothing moves by itself here; what is true is one reload away.
    expect(status(client)).to_have_text("Pending approval")
    client.reload()
    expect(status(client)).to_have_text("Approved")
