"""Contestants as processes, and rounds in which they take turns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from app.embedded.kernel_calls import signal_when_parent_dies

ENDED_SECONDS_MAX = 15
ROOT = Path(__file__).resolve().parents[1]


class ContestantFailed(Exception):
    """A contestant ended, or answered with an error; the message is its traceback."""


class Contestant:
    """One process; `ask` says a line and waits for the answer, `tell` and `hear` do it in two steps."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    @property
    def process_id(self) -> int:
        return self._process.pid

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        self.tell(do, **given)
        return self.hear()

    def tell(self, do: str, **given: Any) -> None:
        assert self._process.stdin is not None, "it was started with pipes"
        self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Raises `ContestantFailed`."""
        assert self._process.stdout is not None, "it was started with pipes"
        line = self._process.stdout.readline()
        if not line:
            end = self._log.read_text(errors="replace")[-4000:]
            raise ContestantFailed(f"{self.name} ended with {self._process.wait()}:\n{end}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantFailed(f"{self.name}: {answer['error']}")
        return answer


@contextmanager
def contestant(
    name: str,
    *,
    folder: Path,
    python: Path | str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Contestant]:
    """Start `bench.contestants.<name>`, wait until it is ready, end it. Its log is kept in `folder`."""
    log = folder / f"{name}.{os.urandom(3).hex()}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(python), "-m", f"bench.contestants.{name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            preexec_fn=lambda: signal_when_parent_dies(signal.SIGTERM),
        )
    # Leaving this closes its pipes.
    with process:
        started = Contestant(name, process, log)
        try:
            started.hear()
            yield started
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Its input ends, and so does it."""
    assert process.stdin is not None, "it was started with pipes"
    process.stdin.close()
    try:
        process.wait(timeout=ENDED_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def contestants(name: str, *, count: int, **how: Any) -> Iterator[list[Contestant]]:
    """Several processes of the same."""
    with ExitStack() as stack:
        yield [stack.enter_context(contestant(name, **how)) for _ in range(count)]


def rate_of(team: Sequence[Contestant], do: str, **given: Any) -> float:
    """How much all of them did in a second, when each did it at the same time."""
    for one in team:
        one.tell(do, **given)
    answers = [one.hear() for one in team]
    return float(sum(answer["count"] / answer["seconds"] for answer in answers))


def interleaved(
    turns: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    warmed_up: Callable[[], None] | None = None,
) -> dict[str, list[float]]:
    """A reading of each in every round, after a turn that does not count and after which `warmed_up`
    is called. Who begins, changes."""
    for turn in turns.values():
        turn()
    if warmed_up is not None:
        warmed_up()
    names = list(turns)
    readings: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in [*names[shift:], *names[:shift]]:
            readings[name].append(turns[name]())
    return readings
