"""Real time as the database tells it, for what is decided away from it: tokens, signatures, limits.

A process's own clock may be wrong. Every unit of work reads the database's on its way, and this keeps
how far ours is from it; before the first answer of a database it is taken to be right.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

# Less may be the way to the database and back, and two clocks that are kept by the same source.
TOLERATED_SECONDS = 1.0

_correction = 0.0


def note_database_time(told: float, *, asked: float, answered: float) -> None:
    """The database has said `told`; by our own clock it was asked and has answered when it says.

    All in seconds since 1970. It read its clock between the two, so that a slow answer is no
    difference; and one that is tolerated moves nothing, so that our time goes on evenly.
    """
    global _correction
    early, late = asked + _correction, answered + _correction
    if told < early - TOLERATED_SECONDS or told > late + TOLERATED_SECONDS:
        _correction = told - answered


def own_seconds() -> float:
    """What our own clock says: to be told to `note_database_time`, and to nobody else."""
    return time.time()


def correction_seconds() -> float:
    """How far the database's clock is ahead of ours; 0 unless that is more than is tolerated."""
    return _correction


def real_seconds() -> float:
    """Seconds since 1970."""
    return time.time() + _correction


def real_now() -> datetime:
    return datetime.fromtimestamp(real_seconds(), UTC)
