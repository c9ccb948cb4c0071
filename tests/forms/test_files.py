"""Every list is taken out as a file, without scripts."""

from __future__ import annotations

from itertools import cycle

from app.kernel.database import fetch_value
from tests.forms.routes import FILES
from tests.forms.walk import Walk
from tests.investments import steps
from tests.support.desk import Desk

# How each kind of file begins.
KINDS = {"CSV": b"\xef\xbb\xbf", "Excel": b"PK\x03\x04"}


async def test_every_list_is_saved_without_a_script(walk: Walk, desk: Desk) -> None:
    await steps.request(desk)
    async with desk.working("ops"):
        account = await fetch_value("SELECT id FROM ledger_account ORDER BY id LIMIT 1")
    for (route, (login, *way)), kind in zip(FILES.items(), cycle(KINDS), strict=False):
        links = [link.replace("{account_id}", str(account)) for link in way]
        page = await walk.to(login, *links)
        form = page.form(kind, to=route.replace("{account_id}", str(account)))
        await walk.saved(login, form, KINDS[kind])
    walk.finish(frozenset(FILES))
