"""The demo's data: where it must not go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from app import cli
from app.demo import seed
from app.settings import settings
from tests.support.database import DatabaseUrls, add_tenant, connected, end_tenants


@pytest.fixture
def in_production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ENVIRONMENT", "production")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("in_production")
def test_in_production_it_is_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def opened(*_: object, **__: object) -> None:
        raise AssertionError("the database was opened")

    monkeypatch.setattr(seed, "start_pool", opened)
    assert cli.main(["seed"]) == 1
    assert "not for production" in capsys.readouterr().err


@pytest.fixture
async def seeded(no_pool: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:
    """What was seeded ends with the test, and its person at the provider can be linked again."""
    yield no_pool
    async with connected(no_pool.admin) as admin:
        made = await admin.fetch("SELECT id FROM tenant WHERE slug = ANY($1)", [*seed.DEMO_TENANTS])
        await end_tenants(admin, [row["id"] for row in made])
        await admin.execute("DELETE FROM federated_identity")


class TestSeed:
    async def test_makes_the_small_demo_once(
        self, seeded: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEMO_SCALE", "small")
        settings.cache_clear()
        await seed.seed()
        before = await _counted(seeded)
        await seed.seed()
        assert await _counted(seeded) == before
        assert before["client"] == 2
        assert before["redemption"] == 0
        assert before["published_nav"] >= 60

    async def test_refuses_what_was_cut_short(
        self, seeded: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tenant = await add_tenant(seeded)
        monkeypatch.setattr(seed, "AURORA_SLUG", tenant.slug)
        monkeypatch.setitem(seed.DEMO_TENANTS, tenant.slug, ("Cut short", ()))

        async def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(seed, "live_through", cut)
        with pytest.raises(KeyboardInterrupt):
            await seed.seed()
        with pytest.raises(seed.SeedRefused, match="make reset"):
            await seed.seed()


async def _counted(urls: DatabaseUrls) -> dict[str, int]:
    async with connected(urls.admin) as connection:
        tenant = await connection.fetchval("SELECT id FROM tenant WHERE slug = 'aurora'")
        return {
            table: await connection.fetchval(
                f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant
            )
            for table in ("client", "redemption", "published_nav", "ledger_entry", "audit_record")
        }
