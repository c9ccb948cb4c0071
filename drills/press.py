"""Pressing a button of a page, as somebody does who has come there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from drills.stage import Stage
from tests.support.desk import Desk


@dataclass(frozen=True)
class Press:
    """A button on a page, and what is written and chosen before `login` presses it.

    `to`: where it is sent, if several buttons are called so. `behind`: the page is the answer to
    that press. Nobody is signed in where `login` is empty.
    """

    login: str
    page: str
    button: str
    write: dict[str, str] = field(default_factory=dict)
    choose: tuple[str, ...] = ()
    to: str = ""
    behind: Press | None = None


Prepare = Callable[[Stage, Desk], Awaitable[Press]]


@dataclass(frozen=True)
class WithoutKey:
    """`why` a repetition is harmless; `grows`: the tables in which it leaves rows of its own."""

    why: str
    prepare: Prepare
    grows: frozenset[str] = frozenset()
    same_answer: bool = True
