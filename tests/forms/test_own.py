"""What everybody does for themselves, without scripts: sign in and out, read, choose."""

from __future__ import annotations

from app.web.shell import Portal
from tests.forms.routes import OWN
from tests.forms.walk import Walk
from tests.support.client import PASSWORD, Person, add_person, portal_client
from tests.support.database import TestTenant
from tests.support.plain_browser import PlainBrowser
from tests.web.test_notification_pages import tell


async def test_nobody_needs_a_script_for_themselves(
    walk: Walk, portal: Portal, tenant: TestTenant
) -> None:
    person = await add_person(tenant.id, "rm")
    async with portal_client(portal) as http:
        walk.seat("newcomer", PlainBrowser(http))
        await _signs_in(walk, tenant, person)
        await _reads(walk, tenant, person)
        await _chooses(walk)
        page = await walk.to("newcomer")
        await walk.done("newcomer", page.form("Sign out"), "Sign in", signed_in=False)
        assert (await walk.to("newcomer")).heading == "Sign in"
    walk.finish(OWN)


async def _signs_in(walk: Walk, tenant: TestTenant, person: Person) -> None:
    page = await walk.to("newcomer")
    form = page.form("Sign in")
    form.fill({"Organisation": tenant.slug, "Email": person.email, "Password": "wrong"})
    page = await walk.refused("newcomer", form, "password", signed_in=False)
    form = form.again(page.document).fill({"Password": PASSWORD})
    await walk.done("newcomer", form, "Approvals")


async def _reads(walk: Walk, tenant: TestTenant, person: Person) -> None:
    for title in ("First", "Second", "Third"):
        await tell(tenant, person, title)
    page = await walk.to("newcomer", "/notifications")
    page = await walk.done("newcomer", page.form("Mark as read: Second"), "Second")
    assert len(page.document.xpath("//*[text()='Unread'][contains(@class, 'state')]")) == 2
    page = await walk.done("newcomer", page.form("Mark all as read"), "First")
    assert not page.document.xpath("//*[text()='Unread'][contains(@class, 'state')]")


async def _chooses(walk: Walk) -> None:
    page = await walk.to("newcomer", "/notifications", "/notifications/preferences")
    boxes = page.form("Save").boxes()
    assert boxes and all(boxes.values())
    off = next(iter(boxes))
    page = await walk.done("newcomer", page.form("Save").choose(off, ticked=False), "Saved.")
    assert page.form("Save").boxes() == boxes | {off: False}
    page = await walk.done("newcomer", page.form("Dark"), "What comes by mail")
    assert page.document.get("data-bs-theme") == "dark"
