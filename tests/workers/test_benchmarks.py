"""The benchmarks of our own side, tiny and without peers: that what they measure is right.

Beside the workers' drills, because their worker and relay are processes too. How fast it is,
`make bench` says.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from app.kernel.outbox.topics import live_channel
from bench.contest import contestant, interleaved
from bench.contestants.ledger import Ledger
from bench.contestants.visitors import visit
from bench.crowd import crowd_of
from bench.dashboard import MARKER, bare_environment
from bench.jobs import assert_ours as assert_jobs
from bench.load import PATHS, people_of
from bench.report import Aim, Finding, Series, table
from bench.serving import serving
from bench.sockets import MESSAGE, portal_requests
from bench.stage import Stage
from bench.timers import assert_ours as assert_timers
from bench.transfers import assert_ledger
from tests.support.database import DatabaseUrls, TestTenant
from tests.support.environment import free_port
from tests.workers.conftest import RedisServer

JOBS = 40
TIMERS = 60
PEOPLE = 3


class TestTransfers:
    async def test_are_posted_and_audited_as_often_as_they_are_counted(
        self, database: DatabaseUrls, tenant: TestTenant
    ) -> None:
        ledger = await Ledger.opened(tenant.id)
        twin = await Ledger.opened(tenant.id)
        single = await ledger.spread(clients=2, seconds=0.1)
        batch = await twin.spread(clients=2, seconds=0.1, size=10)
        for floored in (False, True):
            await ledger.hot(clients=2, seconds=0.1, floored=floored)
        assert single["count"] > 0 and batch["count"] % 10 == 0
        assert_ledger([await ledger.check(), await twin.check()])


class TestJobsAndTimers:
    async def test_run_once_each(
        self,
        database: DatabaseUrls,
        tenant: TestTenant,
        redis_server: RedisServer,
        tmp_path: Path,
    ) -> None:
        environment = {**os.environ, "BENCH_TENANT": str(tenant.id)}
        with (
            contestant("relay", folder=tmp_path, environment=environment),
            contestant("worker", folder=tmp_path, environment=environment) as worker,
        ):
            assert worker.ask("jobs", count=JOBS)["count"] == JOBS
            worker.ask("pend", count=TIMERS)
            assert worker.ask("scan", count=TIMERS)["milliseconds"] > 0
            late = worker.ask("due", count=TIMERS, seconds=1)["late_seconds"]
            assert len(late) == TIMERS and min(late) >= 0
            found = worker.ask("check")
        assert_jobs(found)
        assert_timers(found, due=TIMERS)
        assert found["running"] == TIMERS


class TestPages:
    async def test_are_answered_and_written_to_and_told_without_an_error(
        self,
        database: DatabaseUrls,
        tenant: TestTenant,
        redis_server: RedisServer,
        tmp_path: Path,
    ) -> None:
        crowd = await crowd_of(tenant, count=PEOPLE, payable=True)
        stage = Stage(folder=tmp_path, environment=dict(os.environ))
        port, bare = free_port(), {**bare_environment(crowd), "BENCH_PORT": str(free_port())}
        cookies = [f"__Host-sid={secret}" for secret in crowd.secrets]
        everybody: dict[str, Any] = {
            "path": "/holdings",
            "clients": 2,
            "seconds": 0.2,
            "marker": MARKER,
        }
        with (
            serving([sys.executable, "-m", "app", "web"], stage, {"PORT": str(port)}),
            contestant("bare_page", folder=tmp_path, environment=bare),
            contestant("people", folder=tmp_path) as people,
            contestant("listeners", folder=tmp_path) as listeners,
        ):
            assert (await visit(port=port, cookies=cookies, **everybody))["count"] > 0
            bare_port = int(bare["BENCH_PORT"])
            assert (await visit(port=bare_port, cookies=[""], **everybody))["count"] > 0
            people.ask("come", ports=[port], people=people_of(stage, crowd))
            lived = people.ask(
                "live", seconds=2, every_seconds=0.1, paths=PATHS, writes=0.5, seed=1
            )
            assert lived["error_count"] == 0, lived["errors"]
            assert lived["asked"] > 0 and lived["took_ms"]["read"]
            assert {"session", "work", "render", "total"} <= set(lived["parts_ms"]["/holdings"])
            sockets = 2 * PEOPLE
            listeners.ask("open", port=port, requests=portal_requests(stage, crowd, count=sockets))
            told = listeners.ask(
                "spread", channel=live_channel(tenant.id), message=MESSAGE, first=0, count=2
            )
            assert told["count"] == 2 * sockets
            assert listeners.ask("check") == {"told": 2 * sockets, "open": sockets}


class TestReport:
    def _series(self, name: str, *readings: float) -> Series:
        return Series(name=name, unit="/s", readings=list(readings))

    def test_says_which_aim_is_missed(self) -> None:
        work, peer = self._series("ours", 1, 2, 3, 4, 5), self._series("peer", 2, 2, 2, 2, 2)
        reached = Aim(name="to peer", work=work, beside=peer, least=1.5)
        missed = Aim(name="to limit", work=work, beside=peer, least=1.6, most=2)
        found = Finding(name="P0", title="work", series=[work, peer], aims=[reached, missed])
        assert reached.is_reached and not missed.is_reached and not found.is_reached
        lines = table([found]).splitlines()
        assert [line.endswith("MISSED") for line in lines if "to " in line] == [False, True]
        assert lines[-1].split()[2:4] == ["1.50", "x"]

    def test_too_few_rounds_reach_nothing(self) -> None:
        work, peer = self._series("ours", 9, 9, 9, 9), self._series("peer", 1, 1, 1, 1)
        assert not Aim(name="to peer", work=work, beside=peer, least=2).is_reached


class TestInterleaved:
    def test_everybody_has_a_turn_in_each_round_and_one_that_does_not_count(self) -> None:
        order: list[str] = []

        def turn(name: str) -> float:
            order.append(name)
            return float(len(order))

        readings = interleaved(
            {"a": lambda: turn("a"), "b": lambda: turn("b")},
            rounds=2,
            warmed_up=lambda: order.append("warm"),
        )
        assert order == ["a", "b", "warm", "a", "b", "b", "a"]
        assert readings == {"a": [4.0, 7.0], "b": [5.0, 6.0]}
