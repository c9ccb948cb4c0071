"""Compliance's own approvals, and what a redemption's page offers them."""

from __future__ import annotations

import re

from app.web.shell import Portal
from tests.investments import steps
from tests.security.seats import open_seats
from tests.support.desk import Desk


async def test_shows_what_waits_and_offers_to_clear_it(portal: Portal, desk: Desk) -> None:
    redemption_id = await steps.at_compliance(desk)
    async with open_seats(portal) as seats:
        compliance = await seats.of(desk, "compliance")
        listed = await compliance.get("/approvals")
        assert listed.status_code == 200
        assert "Redemptions awaiting compliance" in listed.text
        assert f"/redemptions/{redemption_id}" in listed.text
        assert "Your clients" not in listed.text
        shown = await compliance.get(f"/redemptions/{redemption_id}")
        assert f"/redemptions/{redemption_id}/clear" in shown.text
        assert "Request number 3" in shown.text and "Waiting for compliance" in shown.text
        manager = await (await seats.of(desk, "rm")).get(f"/redemptions/{redemption_id}")
        assert "Pending compliance" in manager.text
        assert "/clear" not in manager.text and "Request number 3" not in manager.text


async def test_a_refused_hold_keeps_to_its_own_note(portal: Portal, desk: Desk) -> None:
    redemption_id = await steps.at_compliance(desk)
    async with open_seats(portal) as seats:
        compliance = await seats.of(desk, "compliance")
        page = f"/redemptions/{redemption_id}"
        shown = (await compliance.get(page)).text
        ids = re.findall(r'\bid="([^"]+)"', shown)
        assert len(ids) == len(set(ids)), "each field has a label, and each label its field"
        assert 'for="clear-note"' in shown and 'for="hold-note"' in shown
        refused = await compliance.post(f"{page}/hold", {"note": "x" * 2001})
        assert refused.status_code == 422
        assert 'href="#hold-note"' in refused.text
        assert refused.text.count('class="field-error"') == 1
        assert 'id="hold-note-error-1"' in refused.text
        assert refused.text.count("x" * 2001) == 1
