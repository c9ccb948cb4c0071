"""Somebody who commits without end and says each commit once it is acknowledged: `python -m` this.

Works on DATABASE_URL, in a tenant of its own, and prints the id of each redemption that it was told
of. Ends with 3 when the database goes away.
"""

from __future__ import annotations

import asyncio
import os
import sys

from app.domains.investments.operations.redemption_cancel import cancel_redemption
from app.domains.investments.operations.redemption_quote import Portion
from app.domains.investments.operations.redemption_request import request_redemption
from app.kernel.database import start_pool, stop_pool
from app.kernel.errors import Unavailable
from app.registry import load
from app.settings import settings
from tests.support.database import DatabaseUrls, add_tenant
from tests.support.desk import Desk, open_desk

GONE = 3


async def main() -> int:
    load()
    urls = DatabaseUrls(
        app=settings().database_url, owner=os.environ["DATABASE_OWNER_URL"], admin=""
    )
    await start_pool(urls.app, size=2)
    try:
        tenant = await add_tenant(urls)
        desk = await open_desk(tenant_id=tenant.id, slug=tenant.slug)
        while True:
            print(await _commit(desk), flush=True)
    except (Unavailable, OSError) as error:
        print(f"gone: {error}", file=sys.stderr)
        return GONE
    finally:
        await stop_pool()


async def _commit(desk: Desk) -> str:
    """A request that locks units, and its cancellation, which returns them."""
    async with desk.working("member"):
        redemption_id = await request_redemption(
            subscription_id=desk.subscriptions["member", "yield"],
            portion=Portion(units="1"),
            destination_id=desk.destinations["member", "yield"],
        )
    async with desk.working("member"):
        await cancel_redemption(redemption_id=redemption_id)
    return str(redemption_id)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
