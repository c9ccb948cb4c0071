"""What always holds of deadlines."""

from __future__ import annotations

from app.kernel.invariants import Invariant

INVARIANTS = [
    Invariant(
        name="deadlines.breached_means_the_last_mark_fired",
        explains="A deadline is breached exactly when its mark at 1 is on its trail.",
        sql="""
        SELECT d.id AS deadline_id, d.state FROM deadline d
        WHERE (d.state = 'breached') <> EXISTS (
          SELECT FROM deadline_trail t WHERE t.tenant_id = d.tenant_id
            AND t.deadline_id = d.id AND t.event = 'mark' AND t.fraction = 1)
        """,
    ),
    Invariant(
        name="deadlines.met_in_time",
        explains="A deadline that was met stopped before it was due.",
        sql="""
        SELECT id AS deadline_id, due_at, stopped_at FROM deadline
        WHERE state = 'met' AND (stopped_at IS NULL OR stopped_at >= due_at)
        """,
    ),
    Invariant(
        name="deadlines.no_mark_fires_twice_or_early",
        explains="No mark is both fired and left, none fired twice, none before its time.",
        sql="""
        SELECT t.deadline_id, t.fraction, count(*) AS times FROM deadline_trail t
        JOIN deadline d ON d.tenant_id = t.tenant_id AND d.id = t.deadline_id
        WHERE t.event = 'mark'
        GROUP BY t.deadline_id, t.fraction, d.marks_left
        HAVING count(*) > 1 OR t.fraction = ANY (d.marks_left)
          OR min(t.at) < min(t.due_at) - interval '1 millisecond'
             - (1 - t.fraction)::float8 * (SELECT total_seconds * interval '1 second'
                FROM deadline e WHERE e.id = t.deadline_id)
        """,
    ),
    Invariant(
        name="deadlines.trail_is_complete",
        explains="Every change of a deadline is on its trail, beginning with its start.",
        sql="""
        SELECT d.id AS deadline_id, d.version, count(t.id) AS lines FROM deadline d
        LEFT JOIN deadline_trail t ON t.tenant_id = d.tenant_id AND t.deadline_id = d.id
        GROUP BY d.tenant_id, d.id, d.version
        HAVING count(t.id) <> d.version
          OR count(*) FILTER (WHERE t.version = 1 AND t.event = 'started') <> 1
        """,
    ),
    Invariant(
        name="deadlines.trail_ends_as_the_deadline_is",
        explains="The last line of the trail has the deadline's state and due time.",
        sql="""
        SELECT d.id AS deadline_id, d.state, t.state AS on_trail FROM deadline d
        JOIN deadline_trail t ON t.tenant_id = d.tenant_id AND t.deadline_id = d.id
          AND t.version = d.version
        WHERE t.state <> d.state OR t.due_at <> d.due_at
        """,
    ),
]
