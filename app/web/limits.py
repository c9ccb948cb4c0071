"""Rate limits: counted atomically on Redis, and in this process while Redis is away.

Windows are aligned to the clock, so that one round trip says what is left and until when.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import msgspec
import structlog
from limits.aio.storage import MemoryStorage, RedisStorage
from redis.exceptions import RedisError

from app.kernel.errors import DomainError
from app.kernel.real_time import real_seconds
from app.settings import settings

_log = structlog.get_logger(__name__)

# Nobody waits for Redis: a page is worth more than an exact count.
REDIS_TIMEOUT_SECONDS = 0.1
REDIS_PAUSE_SECONDS = 2.0


class TooManyRequests(DomainError):
    status = 429
    code = "TOO_MANY_REQUESTS"
    title = "That was too much in too short a time"

    def __init__(self, *, retry_after_seconds: int) -> None:
        self.retry_after_seconds = max(1, retry_after_seconds)
        super().__init__(f"Try again in {self.retry_after_seconds} s")


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """At most `count` in `seconds`, of each caller."""

    name: str
    count: int
    seconds: int


FLOOD = Quota(name="flood", count=6000, seconds=60)
PER_USER = Quota(name="user", count=300, seconds=60)
# Regions of live pages, which fetch themselves: they must not use up what a person may do.
REFRESHES = Quota(name="refresh", count=1200, seconds=60)
SIGN_IN = Quota(name="sign-in", count=60, seconds=60)


class Reading(msgspec.Struct, frozen=True):
    quota: Quota
    used: int
    reset_seconds: int

    @property
    def is_over(self) -> bool:
        return self.used > self.quota.count

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As the IETF draft "RateLimit header fields for HTTP" names them."""
        left = max(0, self.quota.count - self.used)
        return [
            (
                b"ratelimit-policy",
                f'"{self.quota.name}";q={self.quota.count};w={self.quota.seconds}'.encode(),
            ),
            (b"ratelimit", f'"{self.quota.name}";r={left};t={self.reset_seconds}'.encode()),
        ]


class Counters:
    """Counts that expire. Belongs to the event loop it is first used in."""

    def __init__(self) -> None:
        self._redis = RedisStorage(
            f"async+{settings().redis_url}",
            implementation="redispy",
            key_prefix=f"stakehold:{settings().environment}:limits",
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self._memory = MemoryStorage()
        self._redis_away_until = 0.0

    async def close(self) -> None:
        bridge: Any = self._redis.bridge
        await bridge.storage.aclose()

    async def add(self, key: str, *, expire_seconds: int) -> int:
        """Count one, and say how many there are."""
        if self._may_ask_redis():
            try:
                return int(await self._redis.incr(key, expire_seconds))
            except (RedisError, OSError) as error:
                self._note_redis_away(error)
        return int(await self._memory.incr(key, expire_seconds))

    async def remaining_seconds(self, key: str) -> int:
        """How long until the count expires; zero where there is none."""
        if self._may_ask_redis():
            try:
                if await self._redis.get(key) == 0:
                    return 0
                return max(1, int(await self._redis.get_expiry(key) - time.time()))
            except (RedisError, OSError) as error:
                self._note_redis_away(error)
        if await self._memory.get(key) == 0:
            return 0
        return max(1, int(await self._memory.get_expiry(key) - time.time()))

    async def hit(self, quota: Quota, caller: str) -> Reading:
        now = real_seconds()
        window = int(now // quota.seconds)
        used = await self.add(f"{quota.name}:{caller}:{window}", expire_seconds=quota.seconds)
        return Reading(quota, used, int((window + 1) * quota.seconds - now) + 1)

    def _may_ask_redis(self) -> bool:
        return time.monotonic() >= self._redis_away_until

    def _note_redis_away(self, error: Exception) -> None:
        self._redis_away_until = time.monotonic() + REDIS_PAUSE_SECONDS
        _log.warning("limits are counted in process", reason=type(error).__name__)


class FloodGuard:
    """Requests of one address in this minute, in this process: cheap, before anything else runs."""

    def __init__(self) -> None:
        self._minute = 0
        self._used: dict[str, int] = {}

    def hit(self, address: str) -> Reading:
        now = real_seconds()
        minute = int(now // FLOOD.seconds)
        if minute != self._minute:
            self._minute, self._used = minute, {}
        used = self._used[address] = self._used.get(address, 0) + 1
        return Reading(FLOOD, used, int((minute + 1) * FLOOD.seconds - now) + 1)


class FailedSignIns:
    """Growing delays after failed sign-ins, of a pair of account and address first, so that no
    stranger can lock somebody out; of an address, and of an account, later and shorter.
    """

    WINDOW_SECONDS = 900

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def refuse_if_too_many(self, *, email: str, address: str) -> None:
        """Raises `TooManyRequests` while a delay runs."""
        waits = [
            await self._counters.remaining_seconds(f"delay:{key}")
            for key, _, _ in _failure_keys(email, address)
        ]
        if any(waits):
            raise TooManyRequests(retry_after_seconds=max(waits))

    async def note(self, *, email: str, address: str, request_id: str) -> None:
        """Count a failure, and say so in the log: by the request's id, never by whom or from where."""
        _log.warning("sign-in failed", request_id=request_id)
        for key, free, delay_seconds_max in _failure_keys(email, address):
            failures = await self._counters.add(
                f"failures:{key}", expire_seconds=self.WINDOW_SECONDS
            )
            if failures >= free:
                delay = min(2 ** min(failures - free, 12), delay_seconds_max)
                await self._counters.add(f"delay:{key}", expire_seconds=delay)


def _failure_keys(email: str, address: str) -> list[tuple[str, int, int]]:
    """Key, failures that cost nothing, longest delay in seconds. No address or email goes to Redis."""
    email = email.strip().lower()

    def key(*parts: str) -> str:
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    return [
        (key("pair", email, address), 5, 300),
        (key("address", address), 30, 60),
        (key("account", email), 50, 5),
    ]
