"""The breaker by itself, under a clock of the test's."""

from __future__ import annotations

import asyncio

import pytest

from app.integrations.circuit_breaker import CircuitBreaker, CircuitOpen


class Down(Exception):
    pass


class Said(Exception):
    pass


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(counts=(Down,), failures_max=3, pause_seconds=5.0, monotonic=clock)


def fail(breaker: CircuitBreaker, times: int = 1, error: type[Exception] = Down) -> None:
    for _ in range(times):
        with pytest.raises(error), breaker.guard():
            raise error


class TestGuard:
    def test_stays_closed_below_the_limit(self, breaker: CircuitBreaker) -> None:
        fail(breaker, 2)
        with breaker.guard():
            pass
        fail(breaker, 2)
        assert not breaker.is_open

    def test_opens_at_the_limit_and_says_for_how_long(
        self, breaker: CircuitBreaker, clock: Clock
    ) -> None:
        fail(breaker, 3)
        clock.seconds = 2.0
        with pytest.raises(CircuitOpen) as refused, breaker.guard():
            raise AssertionError("must not be called")
        assert refused.value.remaining_seconds == 3.0

    def test_takes_other_errors_for_answers(self, breaker: CircuitBreaker) -> None:
        fail(breaker, 2)
        fail(breaker, 1, Said)
        fail(breaker, 2)
        assert not breaker.is_open

    def test_lets_one_probe_through_at_a_time(self, breaker: CircuitBreaker, clock: Clock) -> None:
        fail(breaker, 3)
        clock.seconds = 5.0
        with breaker.guard(), pytest.raises(CircuitOpen), breaker.guard():
            raise AssertionError("must not be called")
        assert not breaker.is_open

    def test_pauses_again_after_a_failed_probe(self, breaker: CircuitBreaker, clock: Clock) -> None:
        fail(breaker, 3)
        clock.seconds = 5.0
        fail(breaker)
        clock.seconds = 9.9
        with pytest.raises(CircuitOpen), breaker.guard():
            raise AssertionError("must not be called")

    def test_probes_again_after_a_cancelled_probe(
        self, breaker: CircuitBreaker, clock: Clock
    ) -> None:
        fail(breaker, 3)
        clock.seconds = 5.0
        with pytest.raises(asyncio.CancelledError), breaker.guard():
            raise asyncio.CancelledError
        assert breaker.is_open
        with breaker.guard():
            pass
        assert not breaker.is_open
