"""The job table."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB
from app.kernel.jobs.values import JobState


class Job(Table, tablename="job", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    kind = columns.words()
    key = columns.words(null=True)
    payload = columns.json()
    state = columns.choice(JobState)
    due_at = columns.instant()
    attempt = columns.whole()
    failures = columns.whole()
    lease_until = columns.instant(null=True)
    last_error = columns.words(null=True)
    event_id = columns.identifier(null=True)
    consumer = columns.words(null=True)
    request_id = columns.words()
    trace = columns.words()
    created_at = columns.instant()
    finished_at = columns.instant(null=True)
