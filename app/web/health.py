"""Is this process alive, and can it do its work? Asked by supervisors and load balancers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from redis.exceptions import RedisError

from app.kernel.database import ask_across_tenants
from app.kernel.errors import Unavailable
from app.kernel.migrate import migration_files
from app.web.guards import public
from app.web.live_backend import new_redis
from app.web.viewer import PortalRequest

RELAY_LAG_SECONDS_MAX = 5
ANSWER_SECONDS_MAX = 2
_NOTHING_TO_CACHE = {"Cache-Control": "no-store"}


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Each part: `ok`, or what is wrong with it. Ready without Redis and with a late relay: pages are
    served regardless, and taking the process away would not help. `process` is `ending` from the
    first sign that it shall stop: it still answers, and wants nobody new.
    """

    ready: bool
    process: str
    database: str
    migrations: str
    redis: str
    relay: str


@get("/health/live", guards=[public], include_in_schema=False)
async def alive() -> Response[dict[str, Any]]:
    return Response({"alive": True}, headers=_NOTHING_TO_CACHE)


@get("/health/ready", guards=[public], include_in_schema=False)
async def ready(request: PortalRequest) -> Response[bytes]:
    (database, migrations, relay), redis = await asyncio.gather(_database(), _redis())
    process = "ending" if request.app.state.is_draining else "ok"
    is_ready = process == database == migrations == "ok"
    found = Readiness(
        ready=is_ready,
        process=process,
        database=database,
        migrations=migrations,
        redis=redis,
        relay=relay,
    )
    return Response(
        msgspec.json.encode(found),
        status_code=200 if is_ready else 503,
        headers=_NOTHING_TO_CACHE,
        media_type=MediaType.JSON,
    )


async def _database() -> tuple[str, str, str]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            rows = await ask_across_tenants("SELECT name FROM migration")
            late = (await ask_across_tenants("SELECT outbox_lag() AS seconds"))[0]["seconds"]
    except (Unavailable, TimeoutError, OSError):
        return "not answering", "unknown", "unknown"
    done = {row["name"] for row in rows}
    missing = [path.stem for _, path in migration_files() if path.stem not in done]
    return (
        "ok",
        f"{len(missing)} not run yet" if missing else "ok",
        "ok" if late <= RELAY_LAG_SECONDS_MAX else f"{late:.0f} s late",
    )


async def _redis() -> str:
    redis = new_redis()
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await redis.ping()
    except (RedisError, OSError, TimeoutError):
        return "not answering"
    finally:
        await redis.aclose()
    return "ok"
