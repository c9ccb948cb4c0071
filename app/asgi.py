"""Puts the portal together; nothing else is decided here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from litestar import Litestar
from litestar.config.compression import CompressionConfig

from app import registry
from app.integrations.oidc.provider import OpenIdProvider
from app.kernel.database import start_pool, stop_pool
from app.kernel.processes import Part, reporting
from app.logging import configure_logging
from app.settings import Environment, Settings, settings
from app.tracing import exported_spans
from app.web.authentication import Authentication
from app.web.errors import HANDLERS
from app.web.export import Exports
from app.web.limits import Counters
from app.web.live_hub import Hub
from app.web.recent import Recent
from app.web.routes import all_routes
from app.web.shell import Portal

BODY_BYTES_MAX = 64 * 1024


def create_app(*, opens_pool: bool = True) -> Portal:
    """The portal as an ASGI application, under the settings of the environment.

    Without `opens_pool` the caller has opened the database's pool and closes it: tests, which
    prepare their data through it.
    """
    config = settings()
    if config.environment is not Environment.test:
        configure_logging(config.log_level)
    registry.load()

    @asynccontextmanager
    async def running(litestar: Litestar) -> AsyncIterator[None]:
        pool = _pool(config) if opens_pool else nullcontext()
        with exported_spans("web"):
            async with pool, _parts(litestar, config):
                yield

    litestar = Litestar(
        all_routes(),
        middleware=[Authentication()],
        exception_handlers=HANDLERS,
        lifespan=[running],
        compression_config=CompressionConfig(backend="brotli", brotli_gzip_fallback=True),
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )
    litestar.state.recent = Recent()
    return Portal(litestar, config)


@asynccontextmanager
async def _pool(config: Settings) -> AsyncIterator[None]:
    await start_pool(config.database_url, size=config.database_pool_size)
    try:
        yield
    finally:
        await stop_pool()


@asynccontextmanager
async def _parts(litestar: Litestar, config: Settings) -> AsyncIterator[None]:
    """What lives as long as the process runs, where handlers find it: in the application's state."""
    counters, hub = Counters(), Hub()
    provider = OpenIdProvider(
        issuer=config.oidc_issuer,
        client_id=config.oidc_client_id,
        client_secret=config.oidc_client_secret,
    )
    litestar.state.update(
        {"counters": counters, "exports": Exports(), "hub": hub, "identity_provider": provider}
    )
    try:
        async with hub.running(), reporting(Part.web, litestar.state.recent.traffic):
            yield
    finally:
        await counters.close()
        await provider.close()
