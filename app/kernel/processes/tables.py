"""What each process of the portal last said of itself; of no tenant."""

from __future__ import annotations

from piccolo.table import Table

from app.kernel import columns
from app.kernel.database import DB
from app.kernel.processes.values import Part


class ProcessReport(Table, tablename="process_report", db=DB):
    id = columns.identifier(primary_key=True)
    part = columns.choice(Part)
    host = columns.words()
    started_at = columns.instant()
    reported_at = columns.instant()
    answered = columns.whole()
    failed = columns.whole()
    durations = columns.json()
