"""The supervisor replaces processes one by one, and never one that works by one that does not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded.demo_folder import DemoIsNotRunning, supervisor_of, take_lock
from app.embedded.process import Child
from app.embedded.supervisor import Supervisor
from tests.support.environment import free_port

READY = "import time; from app.notify import READY, notify; notify(READY); time.sleep(60)"
DIES = "raise SystemExit(3)"


class Programs:
    """Supervised children whose next start runs `program`."""

    def __init__(self, folder: Path) -> None:
        self.program = READY
        self.supervisor = Supervisor(port=free_port(), folder=folder)
        (folder / "metrics").mkdir()
        self.folder = folder
        self.started: list[Child] = []

    def make(self) -> Child:
        child = Child(
            "web-1",
            [sys.executable, "-c", self.program],
            log=self.folder / "log",
            says_ready=True,
        )
        self.started.append(child)
        return child


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path)
    made.supervisor.keep([made.make])
    yield made
    for child in made.started:
        child.stop()


def test_a_new_process_works_before_the_old_one_ends(programs: Programs) -> None:
    programs.supervisor.restart()
    old, new = programs.started
    assert new.has_said_ready and new.is_running
    assert not old.is_running


def test_the_old_process_goes_on_when_the_new_one_does_not_become_ready(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.program = DIES
    programs.supervisor.restart()
    old, new = programs.started
    assert old.is_running and not new.is_running
    assert "the old one goes on" in capsys.readouterr().out


def test_the_supervisor_is_found_by_its_lock(tmp_path: Path) -> None:
    with take_lock(tmp_path):
        assert supervisor_of(tmp_path) == os.getpid()
    with pytest.raises(DemoIsNotRunning):
        supervisor_of(tmp_path)
