"""What a drill is, and what one round of it has to work with."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from drills.stage import Stage


@dataclass
class Round:
    """`dice` decides everything that is left to chance; `is_short` asks for the form that belongs to
    `make test`. `folder` is empty, and gone afterwards.
    """

    seed: int
    dice: random.Random
    is_short: bool
    folder: Path
    on: Stage | None
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def stage(self) -> Stage:
        assert self.on is not None, "this drill is not on the stage"
        return self.on

    def measured(self, name: str, value: float, *, at_most: float | None = None) -> None:
        """Keep the worst reading of `name` (its unit is its last word); fails beyond `at_most`."""
        self.figures[name] = max(value, self.figures.get(name, value))
        if at_most is not None:
            assert value <= at_most, f"{name} is {value:.2f}, at most {at_most:g} is allowed"

    def counted(self, name: str, value: int) -> None:
        self.figures[name] = self.figures.get(name, 0) + value


@dataclass(frozen=True)
class Drill:
    """`rounds` is the count to reach. A round raises AssertionError for what did not hold.

    `is_on_stage`: its rounds hurt the shared portal of `stage.py`; each is verified, and the portal
    brought back, by whoever runs the drill. `needs_disk`: PostgreSQL has a small disk of its own.
    `has_short`: it has a form for `make test`.
    """

    name: str
    injects: str
    to_reach: str
    rounds: int
    run: Callable[[Round], Awaitable[None]]
    is_on_stage: bool = True
    needs_disk: bool = False
    has_short: bool = True
    seconds_max: float = 300.0
