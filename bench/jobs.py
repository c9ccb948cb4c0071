"""P9: durable jobs, beside procrastinate, bare arq, and a dequeue with SKIP LOCKED.

So many jobs wait when the clock starts, and it stops when the last one is done. One worker process each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.contest import contestant, interleaved, rate_of
from bench.report import Aim, Finding, Series
from bench.stage import Stage

JOBS = 2_000


def run(stage: Stage, *, rounds: int) -> Finding:
    """Raises AssertionError where a job did not run exactly once."""
    tenant = {"BENCH_TENANT": str(stage.add_tenant().id)}
    folder = stage.folder
    # Redis numbers its databases; ours is 0.
    redis = {"BENCH_REDIS_URL": stage.environment["REDIS_URL"].removesuffix("/0") + "/1"}
    peers = {"folder": folder, "python": stage.peers_python}
    theirs = {"BENCH_DATABASE_URL": stage.new_database("procrastinate")}
    limit = {"BENCH_DATABASE_URL": stage.new_database("dequeue")}
    with (
        contestant("relay", folder=folder),
        contestant("worker", folder=folder, environment=tenant) as ours,
        contestant("procrastinated", environment=theirs, **peers) as procrastinate,
        contestant("bare_arq", environment=redis, **peers) as arq,
        contestant("dequeue", folder=folder, environment=limit) as dequeue,
    ):
        teams = {"ours": ours, "procrastinate": procrastinate, "arq": arq, "dequeue": dequeue}
        taken = interleaved(
            {
                name: lambda one=one: rate_of([one], "jobs", count=JOBS)  # type: ignore[misc]
                for name, one in teams.items()
            },
            rounds=rounds,
            warmed_up=stage.analyze,
        )
        assert_ours(ours.ask("check"))
        found = procrastinate.ask("check")
        assert found["counts"] == {"count.succeeded": found["ordered"]}, "procrastinate's are done"
        found = arq.ask("check")
        assert found["ran"] == found["once"] == found["ordered"], "arq's ran once each"
        found = dequeue.ask("check")
        assert found["taken"] == found["once"] == found["ordered"], "rows were taken once each"
    work = Series(name="a worker and its relay", unit="/s", readings=taken["ours"])
    peer = Series(name="procrastinate", unit="/s", readings=taken["procrastinate"])
    bare = Series(name="bare arq, not durable", unit="/s", readings=taken["arq"])
    rows = Series(name="SKIP LOCKED, one row a statement", unit="/s", readings=taken["dequeue"])
    return Finding(
        name="P9",
        title=f"{JOBS:,} jobs that do nothing, one worker process",
        series=[work, peer, bare, rows],
        aims=[
            Aim(name="to procrastinate", work=work, beside=peer, least=3),
            Aim(name="to bare arq", work=work, beside=bare, least=1),
        ],
    )


def assert_ours(check: Mapping[str, Any]) -> None:
    ordered = check["ordered"]
    assert ordered > 0, "jobs were ordered"
    assert check["ran"] == ordered, f"{ordered} jobs were ordered, {check['ran']} ran"
    assert check["done"] == check["jobs"] == ordered, "every job is done, and none failed meanwhile"
