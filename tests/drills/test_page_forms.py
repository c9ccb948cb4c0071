"""Drills send every form of the pages again; a page route that they do not know is found here first."""

from __future__ import annotations

from app.web.shell import Portal
from drills.page_forms import FORMS, NO_FORMS, WITHOUT_KEY, page_writes
from drills.page_repetition import assert_complete
from tests.forms.walk import unsafe_routes


def test_every_form_of_the_pages_is_sent_again_by_a_drill(portal: Portal) -> None:
    assert set(page_writes()) == unsafe_routes(portal)
    assert_complete()


def test_whatever_moves_money_takes_a_key() -> None:
    assert not any(path.startswith("/redemptions/{") for path in WITHOUT_KEY)
    assert len(FORMS) >= 30
    assert not NO_FORMS & set(FORMS)
