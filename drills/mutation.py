"""R11: the money code changed in small ways, one at a time: do its unit tests see it?

cosmic-ray makes the mutants, in an environment of its own and on a copy of the code. A round takes
a sample; every mutant is tried against the tests of its module alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import sys
from pathlib import Path

from app.embedded.process import REPOSITORY
from drills.drill import Drill, Round

SAMPLE = 40
KILLED_MIN = 0.9
TIMEOUT_SECONDS = 120
ENVIRONMENT = REPOSITORY / ".venv-mutation"
REQUIREMENTS = Path(__file__).parent / "requirements-mutation.lock"

_CALCULATIONS = "app/domains/investments/calculations"
_TESTS = "tests/investments/calculations"
# Each module with the tests that must see a change of it.
TARGETS = {
    "app/kernel/money.py": "tests/kernel/test_money.py",
    "app/kernel/ledger/checking.py": "tests/ledger/test_checking.py",
    **{
        f"{_CALCULATIONS}/{name}.py": f"{_TESTS}/test_{name}.py"
        for name in ("accrual", "difference", "issue", "penalty", "redemption")
    },
}

_CONFIGURATION = """
[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{test}"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
# Types are never evaluated: a change there changes nothing.
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""


async def run(turn: Round) -> None:
    programs = await _environment()
    copy = turn.folder / "copy"
    for part in ("app", "tests", "drills"):
        ignored = shutil.ignore_patterns("__pycache__", "results.json")
        await asyncio.to_thread(shutil.copytree, REPOSITORY / part, copy / part, ignore=ignored)
    shutil.copy(REPOSITORY / "pyproject.toml", copy)
    killed = tried = 0
    survivors: list[str] = []
    for module, (count, total) in _shares(turn, await _counts(programs, copy)).items():
        session = copy / f"{Path(module).stem}.sqlite"
        _keep(session, turn, count, total)
        await _run(programs / "cosmic-ray", "exec", _configuration(copy, module), session, at=copy)
        for outcome, row, diff in _results(session):
            tried += 1
            if outcome == "SURVIVED":
                survivors.append(f"{module}:{row} {diff}")
            else:
                killed += 1
    turn.counted("mutants", tried)
    turn.counted("killed", killed)
    assert killed >= KILLED_MIN * tried, f"{killed} of {tried} killed; alive: {survivors}"


async def _environment() -> Path:
    """The folder of cosmic-ray's programs; the environment is made once."""
    programs = ENVIRONMENT / "bin"
    if not (programs / "cosmic-ray").exists():
        await _run(sys.executable, "-m", "venv", ENVIRONMENT, at=REPOSITORY)
        await _run(
            *(programs / "python", "-m", "pip", "install", "--quiet", "--require-hashes"),
            *("--no-deps", "-r", REQUIREMENTS),
            at=REPOSITORY,
        )
    return programs


def _configuration(copy: Path, module: str) -> Path:
    file = copy / f"{Path(module).stem}.toml"
    test = f"{sys.executable} -m pytest -x -q --noconftest -p no:cacheprovider {TARGETS[module]}"
    file.write_text(_CONFIGURATION.format(module=module, timeout=float(TIMEOUT_SECONDS), test=test))
    return file


async def _counts(programs: Path, copy: Path) -> dict[str, int]:
    """How many mutants there are of each module."""
    found = {}
    for module in TARGETS:
        configuration = _configuration(copy, module)
        session = copy / f"{Path(module).stem}.sqlite"
        await _run(programs / "cosmic-ray", "init", configuration, session, at=copy)
        await _run(programs / "cr-filter-operators", session, configuration, at=copy)
        with contextlib.closing(sqlite3.connect(session)) as database:
            (found[module],) = database.execute(
                "SELECT count(*) FROM work_items WHERE job_id NOT IN"
                " (SELECT job_id FROM work_results)"
            ).fetchone()
    return found


def _shares(turn: Round, counts: dict[str, int]) -> dict[str, tuple[int, int]]:
    """How many of each module's mutants this round tries, of how many: as though all were drawn
    from one urn."""
    urn = [module for module, count in counts.items() for _ in range(count)]
    drawn = turn.dice.sample(urn, min(SAMPLE, len(urn)))
    return {module: (drawn.count(module), counts[module]) for module in counts if module in drawn}


def _keep(session: Path, turn: Round, count: int, total: int) -> None:
    """Take the others off the list."""
    with contextlib.closing(sqlite3.connect(session)) as database, database:
        specs = database.execute(
            "SELECT job_id FROM mutation_specs WHERE job_id NOT IN (SELECT job_id FROM work_results)"
            " ORDER BY operator_name, operator_args, occurrence"
        ).fetchall()
        assert len(specs) == total
        kept = {job for (job,) in turn.dice.sample(specs, count)}
        for (job,) in specs:
            if job not in kept:
                database.execute("DELETE FROM mutation_specs WHERE job_id = ?", (job,))
                database.execute("DELETE FROM work_items WHERE job_id = ?", (job,))


def _results(session: Path) -> list[tuple[str, int, str]]:
    """Outcome, line and changed lines of every mutant that was tried."""
    with contextlib.closing(sqlite3.connect(session)) as database:
        rows = database.execute(
            "SELECT r.test_outcome, s.start_pos_row, r.diff FROM work_results r"
            " JOIN mutation_specs s ON s.job_id = r.job_id WHERE r.worker_outcome = 'NORMAL'"
        ).fetchall()
    return [(outcome, row, _changed(diff or "")) for outcome, row, diff in rows]


def _changed(diff: str) -> str:
    lines = [line for line in diff.splitlines() if line.startswith("+") and line[:3] != "+++"]
    return " ".join(" ".join(lines).split())


async def _run(*command: str | Path, at: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=at,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, f"{command[0]}: {said.decode()[-1500:]}"


DRILL = Drill(
    name="R11",
    injects=f"{SAMPLE} mutants of the money code, one at a time",
    to_reach="90% of mutants killed",
    rounds=20,
    run=run,
    is_on_stage=False,
    has_short=False,
    seconds_max=3600,
)
