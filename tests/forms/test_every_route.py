"""No form is left out."""

from __future__ import annotations

from itertools import combinations

from app.web.shell import Portal
from tests.forms.routes import NO_FORMS, NOTHING_TO_REFUSE, WALKS
from tests.forms.walk import unsafe_routes


def test_every_route_that_writes_is_sent_by_somebody_without_scripts(portal: Portal) -> None:
    walked = frozenset().union(*WALKS)
    assert walked | set(NO_FORMS) == unsafe_routes(portal)
    assert walked >= NOTHING_TO_REFUSE
    assert not any(one & other for one, other in combinations(WALKS, 2))
