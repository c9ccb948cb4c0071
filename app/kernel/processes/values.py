"""Processes of the portal, and how long their answers took."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

# Upper ends of the classes that answers are counted in, in seconds; slower ones are in one more.
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Part(StrEnum):
    web = "web"
    worker = "worker"
    relay = "relay"


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of a time: `failed` are those with a status of 500 or more, `durations` the number in
    each class of BUCKETS_SECONDS, and beyond the last."""

    answered: int = 0
    failed: int = 0
    durations: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))

    @property
    def error_rate(self) -> float | None:
        """The part that failed; nothing where nothing was answered."""
        return self.failed / self.answered if self.answered else None

    def seconds(self, fraction: float) -> float | None:
        """The time within which this part of the answers was given, as Prometheus estimates it: evenly
        within a class, and at most the end of the last. Nothing where nothing was answered."""
        total = sum(self.durations)
        if not total:
            return None
        wanted, below = fraction * total, 0
        for index, upper in enumerate(BUCKETS_SECONDS):
            count = self.durations[index]
            if count and below + count >= wanted:
                lower = BUCKETS_SECONDS[index - 1] if index else 0.0
                return lower + (upper - lower) * (wanted - below) / count
            below += count
        return BUCKETS_SECONDS[-1]


def class_of(seconds: float) -> int:
    """The place in `durations` of an answer that took so long."""
    return bisect_left(BUCKETS_SECONDS, seconds)


def together(parts: Iterable[Traffic]) -> Traffic:
    """The traffic of several processes, or times, as one."""
    parts = list(parts)
    counted = [Traffic().durations, *(part.durations for part in parts)]
    return Traffic(
        answered=sum(part.answered for part in parts),
        failed=sum(part.failed for part in parts),
        durations=[sum(counts) for counts in zip(*counted, strict=True)],
    )


class ProcessView(msgspec.Struct, frozen=True, kw_only=True):
    """One process, by its last report; `silent_seconds` is the age of that. All times are real."""

    part: Part
    host: str
    started_at: datetime
    silent_seconds: int
    traffic: Traffic
