"""Desks, and people of theirs without scripts."""

from __future__ import annotations

import pytest

from app.web.shell import Portal
from tests.forms.walk import Walk
from tests.investments.conftest import _mail, desk, sandbox  # noqa: F401 - fixtures
from tests.security.conftest import seats  # noqa: F401 - a fixture
from tests.security.seats import Seats
from tests.support.database import DatabaseUrls
from tests.support.desk import Desk


@pytest.fixture
def walk(portal: Portal, seats: Seats, desk: Desk, database: DatabaseUrls) -> Walk:  # noqa: F811 - fixtures
    return Walk(portal, seats, desk, database)
