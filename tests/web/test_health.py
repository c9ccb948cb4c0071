"""Health, metrics, and pages while Redis is away."""

from __future__ import annotations

import pytest

from app.settings import settings
from app.web.shell import Portal
from tests.support.client import Browser, add_person, portal_client, running_portal, sign_in
from tests.support.database import DatabaseUrls, TestTenant


async def test_a_working_portal_is_ready(browser: Browser) -> None:
    assert (await browser.get("/health/live")).json() == {"alive": True}
    answer = await browser.get("/health/ready")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["database"], found["migrations"], found["redis"]) == ("ok", "ok", "ok")


async def test_metrics_count_templates_and_never_addresses(portal: Portal) -> None:
    async with portal_client(portal, address="127.0.0.1") as local:
        await local.get("/redemptions/some-id-that-nobody-has")
        text = (await local.get("/metrics")).text
    assert 'route="/redemptions/{redemption_id}"' in text
    assert "some-id-that-nobody-has" not in text


class TestMetricsAreNotForEverybody:
    async def test_strangers_find_nothing(self, browser: Browser) -> None:
        assert (await browser.get("/metrics")).status_code == 404

    async def test_a_proxy_on_this_machine_does_not_speak_for_it(self, portal: Portal) -> None:
        async with portal_client(portal, address="127.0.0.1") as proxy:
            answer = await proxy.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 404

    async def test_the_token_opens_them(
        self, database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("METRICS_TOKEN", "a-long-token")
        settings.cache_clear()
        try:
            async with running_portal() as portal, portal_client(portal) as scraper:
                bad = await scraper.get("/metrics", headers={"Authorization": "Bearer x"})
                good = await scraper.get(
                    "/metrics", headers={"Authorization": "Bearer a-long-token"}
                )
        finally:
            monkeypatch.undo()
            settings.cache_clear()
        assert (bad.status_code, good.status_code) == (404, 200)


async def test_pages_are_served_while_redis_is_away(
    database: DatabaseUrls, tenant: TestTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    try:
        async with running_portal() as portal, portal_client(portal) as browser:
            person = await add_person(tenant.id, "rm")
            assert (await sign_in(browser, tenant.slug, person.email)).status_code == 303
            assert (await browser.get("/notifications")).status_code == 200
            ready = await browser.get("/health/ready")
            assert ready.status_code == 200
            assert ready.json()["redis"] == "not answering"
            for _ in range(8):
                answer = await sign_in(browser, tenant.slug, person.email, "wrong")
            assert answer.status_code == 429
    finally:
        monkeypatch.undo()
        settings.cache_clear()
