"""Publish a NAV per unit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.kernel import audit
from app.kernel.database import current, execute
from app.kernel.ids import new_id
from app.kernel.money import plain
from app.kernel.outbox import emit


async def publish_nav(*, product_id: UUID, nav_per_unit: Decimal, as_of: datetime) -> UUID:
    """Record what one unit was worth at `as_of`; the latest by that time is the one in force."""
    nav_id = new_id()
    await execute(
        "INSERT INTO published_nav (id, tenant_id, product_id, nav_per_unit, as_of)"
        " VALUES ($1, $2, $3, $4, $5)",
        nav_id,
        current().tenant,
        product_id,
        nav_per_unit,
        as_of,
    )
    await audit.record(
        action="nav.publish",
        subject_kind="product",
        subject_id=product_id,
        after={"nav_per_unit": plain(nav_per_unit), "as_of": as_of.isoformat()},
    )
    await emit(
        type="nav.published",
        subject_kind="product",
        subject_id=product_id,
        payload={"nav_per_unit": plain(nav_per_unit), "as_of": as_of.isoformat()},
        topics=[f"product:{product_id}"],
    )
    return nav_id
