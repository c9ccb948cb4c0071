"""`make drill` itself: a short round of every drill holds, and rounds add up over runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drills.__main__ import main
from drills.registry import DRILLS
from drills.report import RoundResult, next_seed, read_results, table, write_results

SECONDS_MAX = 110


def make_drill(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in _PORTAL}
    return subprocess.run(
        [sys.executable, "-m", "drills"],
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )


# The drills have services of their own; these are those of the tests.
_PORTAL = {"DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_ADMIN_URL", "REDIS_URL"}


def test_a_short_round_of_every_drill_holds() -> None:
    ran = make_drill(SHORT="1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for name in (drill.name for drill in DRILLS.values() if drill.has_short):
        assert re.search(rf"^  {name} SEED=1 .* ok$", ran.stdout, re.MULTILINE), ran.stdout
    assert "verified: everything holds" in ran.stdout


def test_an_unknown_drill_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRILL", "R1,R99")
    assert main() == 2
    assert "DRILL=R99: there are R1" in capsys.readouterr().out


def a_round(
    seed: int | None, *, error: str = "", late: float = 1.0, **changes: bool
) -> RoundResult:
    return RoundResult(
        drill="R1",
        seed=seed,
        error=error,
        seconds=2.0,
        figures={"late s": late},
        is_short=changes.get("is_short", False),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results.json"


def test_rounds_add_up_over_runs_by_seed(file: Path) -> None:
    write_results([a_round(1), a_round(2, error="it broke"), a_round(None)], file)
    results = write_results([a_round(2, late=4.0), a_round(3, is_short=True)], file)
    assert results.drills == read_results(file).drills
    assert [(kept.seed, kept.ok) for kept in results.drills["R1"]] == [(1, True), (2, True)]
    assert next_seed(results, "R1") == 3
    told = table(results, {"R1": (200, "all of it")})
    assert re.search(r"R1 +2 of 200 +failed 0", told)
    assert re.search(r"late s +median +2\.5 +worst +4", told)


def test_a_round_that_failed_is_told_with_its_seed(file: Path) -> None:
    results = write_results([a_round(7, error="lost a payout")], file)
    told = table(results, {"R1": (200, "all of it")})
    assert re.search(r"R1 +0 of 200 +failed 1", told)
    assert "SEED=7: lost a payout" in told
