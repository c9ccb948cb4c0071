"""How the garbage collector is asked to work in a process that serves for days."""

from __future__ import annotations

import gc

# Of so many objects more than were freed: one page makes some ten thousand, most of which die with it.
YOUNG_MAX = 50_000
# So many collections of the young before one of the older, and of these before one of everything.
OLDER_AFTER = 20


def spare_what_is_loaded() -> None:
    """What start-up made lives as long as the process: from now on no collection looks at it.

    Modules, routes and schemas are 130,000 objects. A collection of everything took 73 ms when it had
    to look at them (a shared core, November 2026), within somebody's page; nothing without them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, OLDER_AFTER, OLDER_AFTER)
