"""Desks, and people of theirs who are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.web.shell import Portal
from tests.investments.conftest import _mail, desk, sandbox, stranger  # noqa: F401 - fixtures
from tests.security.seats import Seats, open_seats


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened
