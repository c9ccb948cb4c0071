"""P10: 5,000 timers that are due at one instant among 100,000 that wait, beside procrastinate.

Ours are deadlines: a mark is on record with its trail and its audit record when its transaction ends.
procrastinate's are jobs with a time: late is how long after it the function begins. Both look each
second. The limit is how long PostgreSQL takes to find the due ones by index.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import quantiles
from typing import Any

from bench.contest import Contestant, contestant, interleaved
from bench.report import Aim, Finding, Series
from bench.stage import Stage

PENDING = 95_000
DUE = 5_000
AHEAD_SECONDS = 4


def run(stage: Stage, *, rounds: int) -> Finding:
    """Raises AssertionError where a mark did not fire exactly once."""
    tenant = {"BENCH_TENANT": str(stage.add_tenant().id)}
    theirs = {"BENCH_DATABASE_URL": stage.new_database("procrastinate")}
    folder = stage.folder
    with (
        contestant("worker", folder=folder, environment=tenant) as ours,
        contestant(
            "procrastinated", folder=folder, python=stage.peers_python, environment=theirs
        ) as peer,
    ):
        for one in (ours, peer):
            one.ask("pend", count=PENDING)
        stage.analyze()
        taken = interleaved(
            {
                "ours": lambda: _lateness_ms(ours),
                "peer": lambda: _lateness_ms(peer),
                "scan": lambda: float(ours.ask("scan", count=DUE)["milliseconds"]),
            },
            rounds=rounds,
        )
        assert_ours(ours.ask("check"), due=DUE * (rounds + 1))
        counts = peer.ask("check")["counts"]
        assert counts["timer.succeeded"] == DUE * (rounds + 1), "procrastinate's ran once each"
    late = Series(name="deadlines, 99th percentile late", unit="ms", readings=taken["ours"])
    peers = Series(name="procrastinate, the same", unit="ms", readings=taken["peer"])
    scan = Series(name="index scan of the due", unit="ms", readings=taken["scan"])
    return Finding(
        name="P10",
        title=f"{DUE:,} timers due at once, {PENDING:,} waiting",
        series=[late, peers, scan],
        aims=[
            Aim(name="to procrastinate", work=late, beside=peers, most=0.5),
            Aim(name="to the scan", work=late, beside=scan, most=5),
        ],
    )


def _lateness_ms(one: Contestant) -> float:
    late = one.ask("due", count=DUE, seconds=AHEAD_SECONDS)["late_seconds"]
    assert len(late) == DUE, f"{DUE} timers were set, {len(late)} went off"
    return quantiles(late, n=100)[98] * 1000


def assert_ours(check: Mapping[str, Any], *, due: int) -> None:
    assert check["breached"] == check["marks"] == check["audited"] == due, f"{due} marks: {check}"
