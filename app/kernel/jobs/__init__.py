"""Jobs: what must happen later, kept in PostgreSQL, woken through Redis.

`enqueue` writes a row in the open unit of work; `@job` and `@outside_job` declare what runs it.
A worker killed at any instant loses nothing: the row is found again, and takes effect once.
"""

from app.kernel.jobs.backlog import KindBacklog, backlog
from app.kernel.jobs.dead_letters import (
    DEAD_LETTERS,
    DeadLetter,
    DeadLetterFilter,
    JobNotDead,
    dead_letter_count,
    dead_letters,
    rerun,
)
from app.kernel.jobs.discarding import Discarding, JobKept, discard, discarding
from app.kernel.jobs.outside import LeaseLost, OutsideCall
from app.kernel.jobs.queue import enqueue
from app.kernel.jobs.registry import FailedForGood, RetryLater, job, outside_job

__all__ = [
    "DEAD_LETTERS",
    "DeadLetter",
    "DeadLetterFilter",
    "Discarding",
    "FailedForGood",
    "JobKept",
    "JobNotDead",
    "KindBacklog",
    "LeaseLost",
    "OutsideCall",
    "RetryLater",
    "backlog",
    "dead_letter_count",
    "dead_letters",
    "discard",
    "discarding",
    "enqueue",
    "job",
    "outside_job",
    "rerun",
]
