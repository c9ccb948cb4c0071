"""TPC-B by PostgreSQL's own `pgbench`, over the same loopback connection: the limit beside a ledger.

Five statements in a transaction, prepared, without row security, audit or double entry.
"""

from __future__ import annotations

import os
import re
import subprocess
from urllib.parse import urlsplit

from bench.stage import Stage

SCALE = 20
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_BALANCED = (
    "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)"
    " AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)"
)


class TpcB:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._url = stage.new_database(f"tpcb_{os.urandom(3).hex()}")
        self._run("--initialize", f"--scale={SCALE}", "--quiet")

    def rate(self, *, clients: int, processes: int, seconds: float) -> float:
        """Transactions a second."""
        output = self._run(
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            f"--jobs={processes}",
            f"--time={max(1, round(seconds))}",
        )
        found = _RATE.search(output)
        assert found, f"pgbench says how fast it was:\n{output}"
        return float(found[1])

    def assert_right(self) -> None:
        assert self._stage.ask(self._url, _BALANCED) is True, "TPC-B's sums agree"

    def _run(self, *options: str) -> str:
        url = urlsplit(self._url)
        return subprocess.run(
            [
                str(self._stage.program("pgbench")),
                f"--host={url.hostname}",
                f"--port={url.port}",
                f"--username={url.username}",
                *options,
                url.path.lstrip("/"),
            ],
            env={**os.environ, "PGPASSWORD": url.password or ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
