"""What administrators and operations do, without scripts."""

from __future__ import annotations

from app.kernel.jobs import rerun
from tests.forms.routes import OFFICES
from tests.forms.walk import Walk
from tests.operations.test_jobs import a_dead_job, state_of
from tests.support.desk import Desk


async def test_an_office_needs_no_script(walk: Walk, desk: Desk) -> None:
    person = ("/users", f"/users/{desk.people['trader2'].id}")
    page = await walk.to("admin", *person)
    form = page.form("Change role").choose("Operations")
    page = await walk.done("admin", form, "Role Operations")
    page = await walk.done("admin", page.form("Deactivate Trader2"), "Give the access back")
    await walk.done("admin", page.form("Reactivate Trader2"), "End their access")

    await _jobs(walk, desk)
    walk.finish(OFFICES)


async def _jobs(walk: Walk, desk: Desk) -> None:
    first = await a_dead_job(desk, kind="test.first")
    page = await walk.to("ops", "/jobs")
    form = page.form("Run test.first again")
    async with desk.working("ops"):  # in another window
        await rerun(job_id=first)
    await walk.refused("ops", form, "nothing to run again", gone=True)
    second = await a_dead_job(desk, kind="test.second")
    page = await walk.to("ops", "/jobs")
    await walk.done("ops", page.form("Run test.second again"), "No dead letters")
    assert await state_of(desk, second) == "pending"

    third = await a_dead_job(desk, kind="test.third")
    page = await walk.to("ops", "/jobs", f"/jobs/{third}/discard")
    form = page.form("Discard test.third").fill({"Reason": " "})
    page = await walk.refused("ops", form, "Say why", field="Reason")
    form = form.again(page.document).fill({"Reason": "Nobody needs it"})
    await walk.done("ops", form, "No dead letters")
    assert await state_of(desk, third) == "discarded"
