"""A client's forms without scripts: asking for money, taking the request back, saying where it goes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.domains.investments.operations import redemption_quote
from app.domains.investments.public import publish_nav
from tests.forms.routes import ASKING
from tests.forms.walk import Walk
from tests.forms.work import meanwhile
from tests.investments import steps
from tests.support.desk import Desk

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


async def test_a_client_needs_no_script(
    walk: Walk, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _asks(walk, desk, monkeypatch)
    await _takes_it_back(walk, desk)
    await _accepts(walk, desk)
    await _says_where_to(walk)
    walk.finish(ASKING)


async def _asks(walk: Walk, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    holding = f"/subscriptions/{desk.subscriptions['member', 'yield']}/redeem"
    page = await walk.to("member", "/holdings", holding)
    form = page.form("Request redemption").choose("Units").fill({"Units": "99999999"})
    page = await walk.refused("member", form, "is more than", field="Units")
    monkeypatch.setattr(redemption_quote, "VALID", timedelta(0))
    form = form.again(page.document).fill({"Units": "20"})
    page = await walk.previewed("member", form, "What you receive")
    monkeypatch.undo()
    page = await walk.refused(
        "member", page.form("Confirm redemption"), "ask for a new one", gone=True
    )
    form = form.again(page.document)
    assert (form.value("Units"), form.is_chosen("Units")) == ("20", True)
    page = await walk.previewed("member", form, "What you receive")
    page = await walk.done("member", page.form("Confirm redemption"), "Pending approval")
    assert (await steps.seen(desk, UUID(page.path.rpartition("/")[2]))).amounts.units == 20


async def _takes_it_back(walk: Walk, desk: Desk) -> None:
    redemption_id = await steps.request(desk, key="growth")
    page = await walk.to("member", "/redemptions", f"/redemptions/{redemption_id}")
    await meanwhile(desk, redemption_id)
    page = await walk.refused("member", page.form("Cancel request"), "changed while you looked")
    await walk.done("member", page.form("Cancel request"), "Cancelled")


async def _accepts(walk: Walk, desk: Desk) -> None:
    redemption_id = await steps.request(desk, key="growth", login="member2")
    async with desk.working("ops") as unit:
        await publish_nav(
            product_id=desk.products["growth"], nav_per_unit=Decimal("1.07"), as_of=unit.now
        )
    await steps.decide(desk, redemption_id, by="rm2")
    page = await walk.to("member2", f"/redemptions/{redemption_id}")
    await meanwhile(desk, redemption_id)
    page = await walk.refused("member2", page.form("Accept"), "changed while you looked")
    await walk.done("member2", page.form("Accept"), "Approved")


async def _says_where_to(walk: Walk) -> None:
    page = await walk.to("member", "/destinations", "/destinations/new")
    form = page.form("Add destination").choose("Wallet")
    form.fill({"Name": "Cold wallet", "Asset": "USDT", "Network": "Ethereum"})
    form.fill({"Address, or IBAN": WALLET.replace("5a", "5A")})
    page = await walk.refused("member", form, "checksum", field="Address, or IBAN")
    form = form.again(page.document).fill({"Address, or IBAN": WALLET})
    page = await walk.done("member", form, "Cold wallet")
    (added,) = page.document.xpath("//a[contains(@aria-label, 'Cold wallet')]/@href")
    page = await walk.to("member", "/destinations", str(added))
    form = page.form("Revoke Cold wallet")
    await walk.done("member", form, "Revoked")
    # From another window, which still shows it: it is gone, as was asked for.
    fresh = await walk.browser("member")
    form.element.inputs["idempotency_key"].value = "of-another-window"
    again = await fresh.send(form)
    assert again.statuses == [303, 200] and "Revoked" in again.text
