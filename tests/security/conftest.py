"""Desks, and people of theirs who are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app.web.shell import Portal
from tests.investments.conftest import _mail, desk, sandbox  # noqa: F401 - fixtures
from tests.security.seats import Seats, open_seats
from tests.support.database import TestTenant
from tests.support.desk import Desk, open_desk


@pytest.fixture
async def stranger(new_tenant: Callable[..., Awaitable[TestTenant]]) -> Desk:
    """A desk of another tenant, with people of the same names."""
    tenant = await new_tenant()
    return await open_desk(tenant_id=tenant.id, slug=tenant.slug)


@pytest.fixture
async def seats(portal: Portal) -> AsyncIterator[Seats]:
    async with open_seats(portal) as opened:
        yield opened
