"""Row security: what one tenant writes, no other sees."""

from __future__ import annotations

from app.kernel.actors import SYSTEM
from app.kernel.database import current, fetch_value, unit_of_work
from tests.support.database import TestTenant


async def test_a_unit_of_work_sets_the_tenant_and_business_time(tenant: TestTenant) -> None:
    async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
        assert current().tenant == tenant.id
        assert await fetch_value("SELECT app_now()") == current().now
        assert await fetch_value("SELECT current_user::text") == "stakehold_app"
