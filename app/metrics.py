"""What is counted, for Prometheus. Labels come from short fixed lists, never from input.

With PROMETHEUS_MULTIPROC_DIR set, every process writes into that folder and any of them can show
the sum; `exposition()` does the right thing in both cases.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

# Read when the metrics are declared, as the library does, which then opens files in the folder.
_FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _FOLDER:
    Path(_FOLDER).mkdir(parents=True, exist_ok=True)

JOBS = Counter("stakehold_jobs_total", "Runs of jobs, by how they ended", ["kind", "outcome"])
JOB_LAG = Gauge(
    "stakehold_job_lag_seconds",
    "Age of the oldest due job that nobody has run",
    multiprocess_mode="mostrecent",
)
DEAD_JOBS = Gauge(
    "stakehold_dead_jobs", "Jobs that failed for good", multiprocess_mode="mostrecent"
)
EVENTS_PUBLISHED = Counter("stakehold_events_published_total", "Events told to live pages")
RELAY_LAG = Gauge(
    "stakehold_relay_lag_seconds",
    "Age of the oldest event that live pages have not been told",
    multiprocess_mode="mostrecent",
)
RELAY_DELAY = Histogram(
    "stakehold_relay_delay_seconds",
    "From an event's being written to its being published",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)
DEADLINE_MARKS = Counter(
    "stakehold_deadline_marks_total", "Marks of deadlines that fired", ["kind", "outcome"]
)
DEADLINE_LAG = Gauge(
    "stakehold_deadline_lag_seconds",
    "How late the latest unfired mark is, in business time",
    multiprocess_mode="mostrecent",
)
MEASURED_AT = Gauge(
    "stakehold_measured_at_seconds",
    "When a worker last measured how far behind the work is, in seconds since 1970",
    multiprocess_mode="mostrecent",
)
PROCESSES = Gauge(
    "stakehold_processes",
    "Processes that have reported themselves lately",
    ["part"],
    multiprocess_mode="mostrecent",
)
# Of the tenant that stands worst: an alert is for whoever looks after all of them.
INVARIANTS_BROKEN = Gauge(
    "stakehold_invariants_broken",
    "Invariants that the last check of each tenant found broken",
    multiprocess_mode="mostrecent",
)
INVARIANTS_CHECK_AGE = Gauge(
    "stakehold_invariants_check_age_seconds",
    "Age of the last check of the invariants, of the tenant where it is oldest",
    multiprocess_mode="mostrecent",
)
AUDIT_BROKEN = Gauge(
    "stakehold_audit_chains_broken",
    "Tenants whose audit chain the last check found broken",
    multiprocess_mode="mostrecent",
)
AUDIT_CHECK_AGE = Gauge(
    "stakehold_audit_check_age_seconds",
    "Age of the last check of a whole audit chain, of the tenant where it is oldest",
    multiprocess_mode="mostrecent",
)
AUDIT_UNSEALED = Gauge(
    "stakehold_audit_unsealed_seconds",
    "Age of the oldest audit record that is in no batch yet",
    multiprocess_mode="mostrecent",
)
AUDIT_UNSIGNED = Gauge(
    "stakehold_audit_unsigned_seconds",
    "Age of the oldest batch of the audit that no exported checkpoint covers",
    multiprocess_mode="mostrecent",
)
SWEEP_ERRORS = Counter(
    "stakehold_sweep_errors_total", "Rounds of the sweeper that raised", ["part"]
)


def exposition() -> bytes:
    """Every metric in Prometheus' text format."""
    if not _FOLDER:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, _FOLDER)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
