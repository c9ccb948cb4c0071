"""The socket of a page: who gets in, what it hears, and when it closes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from app.kernel.actors import SYSTEM
from app.kernel.database import fetch_value, savepoint, unit_of_work
from app.kernel.ids import new_id
from app.kernel.notifications.operations import notify
from app.kernel.outbox.emitting import emit
from app.kernel.outbox.topics import Hint, live_channel
from app.settings import settings
from app.web import live, live_hub
from app.web.authentication import SESSION_COOKIE, session_viewer
from app.web.live_hub import Hub
from app.web.live_topics import sign_topics
from app.web.shell import Portal
from app.web.trace import Trace
from app.web.viewer import Viewer
from tests.support.client import Browser, add_person, portal_client, sign_in
from tests.support.database import TestTenant
from tests.support.events import an_event
from tests.support.socket import open_socket
from tests.support.waiting import eventually


class Seat:
    """A signed-in person with their browser's cookies, who can sign topics as a page would."""

    def __init__(self, viewer: Viewer, cookies: dict[str, str]) -> None:
        self.viewer = viewer
        self.cookies = cookies

    def topics(self, *topics: str) -> str:
        return sign_topics(self.viewer, topics)


async def _seat(browser: Browser, tenant: TestTenant) -> Seat:
    person = await add_person(tenant.id, "rm")
    await sign_in(browser, tenant.slug, person.email)
    secret = browser.cookies[SESSION_COOKIE]
    viewer = await session_viewer(secret, Trace(request_id="", address=""), is_use=False)
    assert viewer is not None
    return Seat(viewer, {SESSION_COOKIE: secret})


@pytest.fixture
async def seat(browser: Browser, tenant: TestTenant) -> Seat:
    return await _seat(browser, tenant)


async def _publish(tenant: TestTenant, *topics: str, version: str = "") -> None:
    redis = Redis.from_url(settings().redis_url)
    try:
        channel = live_channel(tenant.id)
        # The hub subscribes in the background: a hint before that is made up for by the page.
        for _ in range(200):
            (_, subscribers), *_ = await redis.pubsub_numsub(channel)
            if subscribers:
                break
            await asyncio.sleep(0.01)
        await redis.publish(channel, msgspec.json.encode(Hint(topics, version or new_id().hex)))
    finally:
        await redis.aclose()


def _sockets_of(portal: Portal, seat: Seat) -> Callable[[], Awaitable[int]]:
    hub: Hub = portal.litestar.state.hub

    async def count() -> int:
        return hub.sockets_of(seat.viewer.actor.id)

    return count


class TestHandshake:
    async def test_a_foreign_origin_is_refused_before_anything_opens(
        self, portal: Portal, seat: Seat
    ) -> None:
        async with open_socket(
            portal, seat.topics("a"), cookies=seat.cookies, from_origin="https://evil.example"
        ) as socket:
            assert not socket.opened

    async def test_nobody_is_closed_with_4401(self, portal: Portal, seat: Seat) -> None:
        for cookies in ({}, {SESSION_COOKIE: "made-up"}):
            async with open_socket(portal, seat.topics("a"), cookies=cookies) as socket:
                assert await socket.closed() == 4401

    @pytest.mark.parametrize("token", ["", "x", "x.y", "é"])
    async def test_unsigned_topics_are_refused(
        self, portal: Portal, seat: Seat, token: str
    ) -> None:
        async with open_socket(portal, token, cookies=seat.cookies) as socket:
            assert await socket.closed() == 4403

    async def test_another_sessions_topics_are_refused(
        self, portal: Portal, seat: Seat, tenant: TestTenant
    ) -> None:
        async with portal_client(portal) as browser:
            other = await _seat(browser, tenant)
        async with open_socket(portal, other.topics("a"), cookies=seat.cookies) as socket:
            assert await socket.closed() == 4403

    async def test_one_person_may_not_open_any_number(
        self, portal: Portal, seat: Seat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "SOCKETS_PER_PERSON_MAX", 1)
        token = seat.topics("a")
        async with open_socket(portal, token, cookies=seat.cookies):
            await eventually(_sockets_of(portal, seat), 1, within_seconds=5)
            async with open_socket(portal, token, cookies=seat.cookies) as second:
                assert await second.closed() == 4429
        async with open_socket(portal, token, cookies=seat.cookies) as third:
            assert third.opened


class TestHints:
    async def test_a_page_hears_its_own_topics_and_no_others(
        self, portal: Portal, seat: Seat, tenant: TestTenant
    ) -> None:
        token = seat.topics("redemption:1", "rm:2")
        async with open_socket(portal, token, cookies=seat.cookies) as socket:
            await _publish(tenant, "redemption:9")
            await _publish(tenant, "redemption:1", "settlement", version="v2")
            assert await socket.next() == {"topics": ["redemption:1"], "version": "v2"}

    async def test_another_tenants_hints_are_not_heard(
        self, portal: Portal, seat: Seat, tenant: TestTenant, new_tenant: Any
    ) -> None:
        other = await new_tenant()
        async with portal_client(portal) as browser:
            stranger = await _seat(browser, other)
            async with (
                open_socket(portal, stranger.topics("same"), cookies=stranger.cookies),
                open_socket(portal, seat.topics("same"), cookies=seat.cookies) as socket,
            ):
                await _publish(other, "same", version="theirs")
                await _publish(tenant, "same", version="ours")
                assert (await socket.next())["version"] == "ours"

    async def test_what_was_heard_once_is_not_heard_again(
        self, portal: Portal, seat: Seat, tenant: TestTenant
    ) -> None:
        topics = seat.topics("a", "b")
        async with open_socket(portal, topics, cookies=seat.cookies) as socket:
            await _publish(tenant, "a", version="first")
            assert (await socket.next())["version"] == "first"
            await _publish(tenant, "a", version="first")
            await _publish(tenant, "b", version="second")
            assert await socket.next() == {"topics": ["b"], "version": "second"}

    async def test_a_commit_is_told_at_once_and_not_again_by_the_relay(
        self, portal: Portal, browser: Browser, seat: Seat, tenant: TestTenant
    ) -> None:
        me = seat.viewer.actor.id
        assert me is not None
        event_id = await an_event(tenant.id)
        async with unit_of_work(tenant=tenant.id, actor=SYSTEM):
            await notify(
                recipients=[me],
                event_type="test.told",
                title="Look",
                body="",
                link="/",
                event_id=event_id,
            )
        topic = f"member:{me}"
        async with open_socket(portal, seat.topics(topic), cookies=seat.cookies) as socket:
            await eventually(_sockets_of(portal, seat), 1, within_seconds=5)
            # No relay runs here: what commits says so itself.
            assert (await browser.post_form("/notifications/read")).status_code == 303
            told = await socket.next()
            assert told["topics"] == [topic]
            await _publish(tenant, topic, version=told["version"])
            await _publish(tenant, topic, version="later")
            assert (await socket.next())["version"] == "later"

    async def test_what_was_undone_is_not_told(
        self, portal: Portal, browser: Browser, seat: Seat, tenant: TestTenant
    ) -> None:
        topic = f"member:{seat.viewer.actor.id}"
        async with open_socket(portal, seat.topics(topic), cookies=seat.cookies) as socket:
            await eventually(_sockets_of(portal, seat), 1, within_seconds=5)
            async with unit_of_work(tenant=tenant.id, actor=SYSTEM) as unit:
                with pytest.raises(ValueError, match="undone"):
                    async with savepoint():
                        await emit(
                            type="test.told",
                            subject_kind="thing",
                            subject_id=new_id(),
                            payload={},
                            topics=[topic],
                        )
                        raise ValueError("undone")
                assert unit.trail.events == []
                assert await fetch_value("SELECT count(*) FROM outbox_event") == 0
            portal.litestar.state.hub.tell(tenant.id, unit.trail.events)
            await _publish(tenant, topic, version="once the other was undone")
            assert (await socket.next())["version"] == "once the other was undone"

    async def test_what_cannot_be_read_is_skipped(
        self, portal: Portal, seat: Seat, tenant: TestTenant
    ) -> None:
        async with open_socket(portal, seat.topics("a"), cookies=seat.cookies) as socket:
            await _publish(tenant, "b")
            redis = Redis.from_url(settings().redis_url)
            await redis.publish(live_channel(tenant.id), b"{not json")
            await redis.aclose()
            await _publish(tenant, "a")
            assert (await socket.next())["topics"] == ["a"]

    async def test_after_redis_lost_us_everybody_looks_again(
        self, portal: Portal, seat: Seat, tenant: TestTenant
    ) -> None:
        async with open_socket(portal, seat.topics("a"), cookies=seat.cookies) as socket:
            await _publish(tenant, "a", version="before")
            assert (await socket.next())["version"] == "before"
            redis = Redis.from_url(settings().redis_url)
            ours = str(redis.connection_pool.connection_kwargs["db"])
            for client in await redis.client_list(_type="pubsub"):
                if client["db"] == ours:
                    await redis.client_kill_filter(_id=client["id"])
            await redis.aclose()
            assert await socket.next() == {"resync": True}
            await _publish(tenant, "a", version="after")
            assert (await socket.next())["version"] == "after"


class TestClosing:
    async def test_a_session_that_ended_closes_its_socket_within_five_seconds(
        self, portal: Portal, browser: Browser, seat: Seat
    ) -> None:
        async with open_socket(portal, seat.topics("a"), cookies=seat.cookies) as socket:
            assert (await browser.post_form("/auth/sign-out")).status_code == 303
            async with asyncio.timeout(5):
                assert await socket.closed() == 4401
        assert live_hub.RECHECK_SECONDS < 5

    async def test_a_talking_client_is_closed(self, portal: Portal, seat: Seat) -> None:
        async with open_socket(portal, seat.topics("a"), cookies=seat.cookies) as socket:
            await socket.say("x" * 2000)
            assert await socket.closed() == 1008
        async with open_socket(portal, seat.topics("a"), cookies=seat.cookies) as socket:
            for _ in range(live.MESSAGES_MAX):
                await socket.say("x")
            assert await socket.closed() == 1008

    async def test_nothing_is_left_of_a_page_that_went_away(
        self, portal: Portal, seat: Seat
    ) -> None:
        async with open_socket(portal, seat.topics("a"), cookies=seat.cookies):
            await eventually(_sockets_of(portal, seat), 1, within_seconds=5)
        assert await _sockets_of(portal, seat)() == 0
