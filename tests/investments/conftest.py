"""A desk of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from app.integrations.custody import close_custody
from app.integrations.mail.smtp import send_mail
from app.kernel.notifications import register_mail_transport
from app.settings import settings
from tests.support.custody_sandbox import API_KEY, Control, sandbox_at
from tests.support.database import TestTenant
from tests.support.desk import Desk, open_desk


@pytest.fixture(autouse=True, scope="session")
def _mail() -> None:
    """Mail goes to the catcher, over SMTP, as in the worker."""
    register_mail_transport(send_mail)


@pytest.fixture
async def desk(tenant: TestTenant) -> Desk:
    return await open_desk(tenant_id=tenant.id, slug=tenant.slug)


@pytest.fixture
async def stranger(new_tenant: Callable[..., Awaitable[TestTenant]]) -> Desk:
    """A desk of another tenant, with people of the same names."""
    tenant = await new_tenant()
    return await open_desk(tenant_id=tenant.id, slug=tenant.slug)


@pytest.fixture
async def sandbox(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Control]:
    """The custodian's sandbox over HTTP, with the desk's staging vaults in it."""
    with sandbox_at(tmp_path / "custody.sqlite", confirm_seconds=0.0) as control:
        monkeypatch.setenv("CUSTODY_URL", control.address)
        monkeypatch.setenv("CUSTODY_API_KEY", API_KEY)
        settings.cache_clear()
        await close_custody()  # an earlier test may have asked the run's own sandbox
        for key, asset in (("yield", "USDT"), ("growth", "USDC")):
            control.fund(
                vault=desk.references[key], balance="300000.00", asset=asset, network_fee="1.80"
            )
        yield control
        await close_custody()
    monkeypatch.undo()
    settings.cache_clear()
