"""Deadlines, their append-only trail, the changes proposed of them, and schedules."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB
from app.kernel.deadlines.values import ChangeKind, DeadlineState, ScheduleClock, TrailEvent


class Deadline(Table, tablename="deadline", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    kind = columns.words()
    subject_kind = columns.words()
    subject_id = columns.identifier()
    state = columns.choice(DeadlineState)
    started_at = columns.instant()
    due_at = columns.instant()
    paused_at = columns.instant(null=True)
    stopped_at = columns.instant(null=True)
    total_seconds = columns.whole()
    marks_left = columns.amount_list()
    next_mark_at = columns.instant(null=True)
    version = columns.whole()
    failures = columns.whole()
    retry_at = columns.instant(null=True)
    pending_approval_id = columns.identifier(null=True)


class DeadlineTrail(Table, tablename="deadline_trail", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    deadline_id = columns.identifier()
    version = columns.whole()
    event = columns.choice(TrailEvent)
    fraction = columns.amount(null=True)
    state = columns.choice(DeadlineState)
    due_at = columns.instant()
    at = columns.instant()
    recorded_at = columns.instant()
    actor_id = columns.identifier(null=True)
    actor_name = columns.words()
    approval_id = columns.identifier(null=True)
    reason = columns.words()


class DeadlineChange(Table, tablename="deadline_change", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    deadline_id = columns.identifier()
    approval_id = columns.identifier()
    kind = columns.choice(ChangeKind)
    due_at = columns.instant(null=True)
    seen_state = columns.choice(DeadlineState)
    seen_due_at = columns.instant()
    at = columns.instant()
    actor_id = columns.identifier()
    actor_name = columns.words()
    reason = columns.words()


class Schedule(Table, tablename="schedule", db=DB):
    tenant_id = columns.identifier()
    id = columns.identifier(primary_key=True)
    name = columns.words()
    clock = columns.choice(ScheduleClock)
    daily_at = columns.time_of_day(null=True)
    zone = columns.words()
    every_seconds = columns.whole(null=True)
    next_at = columns.instant()
    last_at = columns.instant(null=True)
