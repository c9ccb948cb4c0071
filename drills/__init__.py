"""Drills: what the portal is built to withstand, done to its real processes.

`stage.py` runs web, worker, relay, PostgreSQL, Redis and the sandboxes, with a fault proxy before
each of the last three; `running.py` takes a drill through its rounds; `registry.py` lists the
drills. A new one is a module with a `DRILL`, named there.
"""
