"""What always holds of jobs."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = [
    Invariant(
        name="jobs.consumer_jobs_match_their_event",
        explains="A consumer's job names a consumer that its event was given to.",
        sql="""
        SELECT j.id AS job_id, j.event_id, j.consumer FROM job j
        JOIN outbox_event e ON e.tenant_id = j.tenant_id AND e.id = j.event_id
        WHERE j.consumer <> ALL (e.consumers)
        """,
    ),
    Invariant(
        name="jobs.lease_belongs_to_an_attempt",
        explains="A job that runs has been claimed, and its lease is no longer than ours are.",
        sql="""
        SELECT id AS job_id, kind, attempt, lease_until FROM job
        WHERE state = 'running'
          AND (attempt = 0 OR lease_until > clock_timestamp() + interval '1 minute')
        """,
    ),
    Invariant(
        name="jobs.dead_jobs_have_failed",
        explains="A dead letter has at least one failure and says what went wrong.",
        sql="SELECT id AS job_id, kind FROM job WHERE state = 'dead' AND failures = 0",
    ),
]
