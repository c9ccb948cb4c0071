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
    Invariant(
        name="deadlines.time_is_explained",
        explains="When a deadline is due follows from its start, its extensions and its pauses.",
        sql="""
        SELECT t.deadline_id, t.version, t.event, t.due_before, t.due_at FROM (
          SELECT l.tenant_id, l.deadline_id, l.version, l.event, l.at, l.due_at, l.approval_id,
            lag(l.due_at) OVER line AS due_before,
            max(l.at) FILTER (WHERE l.event = 'paused') OVER line AS paused_at
          FROM deadline_trail l
          WINDOW line AS (PARTITION BY l.tenant_id, l.deadline_id ORDER BY l.version)
        ) t
        LEFT JOIN deadline_change c ON c.tenant_id = t.tenant_id AND c.approval_id = t.approval_id
        WHERE t.event <> 'started' AND t.due_at IS DISTINCT FROM CASE t.event
          WHEN 'extended' THEN c.due_at
          WHEN 'resumed' THEN t.due_before + (t.at - t.paused_at)
          ELSE t.due_before END
        UNION ALL
        SELECT d.id, d.version, 'total_seconds', d.started_at, d.due_at FROM deadline d
        WHERE d.total_seconds <> (
          SELECT extract(epoch FROM t.due_at - d.started_at) FROM deadline_trail t
          WHERE t.tenant_id = d.tenant_id AND t.deadline_id = d.id AND t.version = 1
        ) + (
          SELECT coalesce(sum(extract(epoch FROM c.due_at - c.seen_due_at)), 0)
          FROM deadline_trail t JOIN deadline_change c
            ON c.tenant_id = t.tenant_id AND c.approval_id = t.approval_id
          WHERE t.tenant_id = d.tenant_id AND t.deadline_id = d.id AND t.event = 'extended')
        """,
    ),
    Invariant(
        name="deadlines.changed_as_approved",
        explains="A pause or an extension has an approval of that clock, and an approval one effect.",
        sql="""
        SELECT t.deadline_id, t.version, t.event, t.approval_id FROM deadline_trail t
        WHERE (t.event IN ('paused', 'extended') OR t.approval_id IS NOT NULL) AND NOT EXISTS (
          SELECT FROM approval a JOIN deadline_change c
            ON c.tenant_id = a.tenant_id AND c.approval_id = a.id
          WHERE a.tenant_id = t.tenant_id AND a.id = t.approval_id AND a.state = 'approved'
            AND a.subject_kind = 'deadline' AND a.subject_id = t.deadline_id
            AND c.deadline_id = t.deadline_id AND t.event = CASE c.kind
              WHEN 'extension' THEN 'extended' WHEN 'pause' THEN 'paused' ELSE 'resumed' END)
        UNION ALL
        SELECT a.subject_id, NULL, a.state, a.id FROM approval a
        WHERE a.subject_kind = 'deadline' AND a.state = 'approved' AND 1 <> (
          SELECT count(*) FROM deadline_trail t
          WHERE t.tenant_id = a.tenant_id AND t.approval_id = a.id)
        """,
    ),
    Invariant(
        name="deadlines.proposals_wait_on_open_clocks",
        explains="A change waits for a decision exactly while its clock runs or is paused.",
        sql="""
        SELECT d.id AS deadline_id, d.state, d.pending_approval_id FROM deadline d
        WHERE d.pending_approval_id IS DISTINCT FROM (
          SELECT a.id FROM approval a WHERE a.tenant_id = d.tenant_id
            AND a.subject_kind = 'deadline' AND a.subject_id = d.id AND a.state = 'pending')
          OR (d.pending_approval_id IS NOT NULL AND d.state NOT IN ('running', 'paused'))
        """,
    ),
]
