"""A circuit breaker for outside services: after repeated failures, stop asking for a while.

Consecutive failures are counted per client and process. While open, calls are refused at once; when
the pause is over, one call at a time is let through as a probe, and its success closes the circuit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CircuitOpen(Exception):
    """The call was not made; `remaining_seconds` says when one may be tried."""

    def __init__(self, remaining_seconds: float) -> None:
        self.remaining_seconds = remaining_seconds
        super().__init__(f"not asked again for {remaining_seconds:.1f} s")


class CircuitBreaker:
    """`counts` names the exceptions that speak for a service that is down; others are answers."""

    def __init__(
        self,
        *,
        counts: tuple[type[BaseException], ...],
        failures_max: int = 5,
        pause_seconds: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = counts
        self._failures_max = failures_max
        self._pause_seconds = pause_seconds
        self._monotonic = monotonic
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._failures >= self._failures_max

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one call. Raises `CircuitOpen` in place of making it while the circuit is open."""
        probe = self.is_open
        if probe:
            remaining = self._opened_at + self._pause_seconds - self._monotonic()
            if remaining > 0 or self._probing:
                raise CircuitOpen(max(remaining, 0.0))
            self._probing = True
        try:
            yield
        except self._counts:
            self._failures += 1
            if self.is_open:
                self._opened_at = self._monotonic()
            raise
        except Exception:
            self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            # A cancelled probe says nothing either way: the next caller probes instead.
            if probe:
                self._probing = False
