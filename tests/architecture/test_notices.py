"""Somebody has said of every event who is told of it, or why nobody is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.domains.investments.jobs.facts import READERS
from app.domains.investments.jobs.notices import GROUPS, NOT_TOLD, NOTICES, How, Notice, matrix

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "notices.md"
WRITE_PAGE = (
    '.venv/bin/python -c "from app.domains.investments.jobs.notices import matrix;'
    " print(matrix(), end='')\" > docs/notices.md"
)
# Told of by others: app/domains/identity/jobs.py; notifications are the telling itself.
ELSEWHERE = ("invariant.", "job.", "notification.")

ADD = """
app/domains/investments/jobs/notices.py says nothing of {event}. Add to NOTICES

    "{event}": Notice(
        group=Group.…,  # redemptions, deposits: may be switched off; deadlines, security: may not
        title="…",  # the mail's subject: no amount, no name
        body="{{whose}}…",  # with the facts of app/domains/investments/jobs/facts.py in braces
        client=NOW, rm=NOW, trader=NOW, …  # NOW, How.portal, How.daily (needs digest="…"), How.large
    ),

or, where nobody is told, to NOT_TOLD

    "{event}": "why",

and write the page anew: {page}
An event whose type begins with something new ({kind}.) needs a reader in READERS of facts.py as well.
"""


def events() -> set[str]:
    found = {path.name.partition(".v")[0] for path in (ROOT / "docs" / "events").glob("*.json")}
    return {event for event in found if not event.startswith(ELSEWHERE)}


@pytest.mark.parametrize("event", sorted(events()))
def test_somebody_is_told_of_every_event_or_it_is_said_why_not(event: str) -> None:
    said = (event in NOTICES) + (event in NOT_TOLD)
    kind = event.partition(".")[0]
    assert said == 1, ADD.format(event=event, kind=kind, page=WRITE_PAGE)


def test_nobody_is_told_of_an_event_that_is_not_there() -> None:
    assert NOTICES.keys() | NOT_TOLD.keys() <= events()
    assert all(why.strip() for why in NOT_TOLD.values())


@pytest.mark.parametrize("event", sorted(NOTICES))
def test_a_row_can_be_told(event: str) -> None:
    notice: Notice = NOTICES[event]
    told = dict(notice.told())
    assert told, "somebody is told, or it belongs to NOT_TOLD"
    assert notice.group in GROUPS
    assert event.partition(".")[0] in READERS, "facts.py reads what its wording names"
    assert bool(notice.digest) is (How.daily in told.values())
    assert notice.body.startswith("{whose}"), "staff read whose it is"
    # The title is the mail's subject: no fact stands in it.
    assert not re.search(r"[{}\d]", notice.title.removeprefix("36-hour"))


def test_the_page_says_what_the_table_says() -> None:
    assert PAGE.read_text() == matrix(), f"write it anew: {WRITE_PAGE}"
