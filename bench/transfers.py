"""P1 and P2: durable transfers in the ledger, beside django-hordak and beside TPC-B.

Every contestant has eight clients in two processes, as two web processes would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.contest import contestants, interleaved, rate_of
from bench.pgbench import TpcB
from bench.report import Aim, Finding, Series
from bench.stage import Stage

PROCESSES = 2
CLIENTS = 4
BATCH = 100
SECONDS = 3.0
_EACH = {"clients": CLIENTS, "seconds": SECONDS}


def spread(stage: Stage, *, rounds: int) -> Finding:
    """P1: one transfer between any two of fifty accounts. Raises AssertionError where sums are off."""
    tpcb = TpcB(stage)
    hordak = {"BENCH_DATABASE_URL": stage.new_database("hordak")}
    peer = {"folder": stage.folder, "python": stage.peers_python}
    with (
        contestants("hordak", count=1, environment={**hordak, "BENCH_MIGRATE": "1"}, **peer),
        contestants("hordak", count=PROCESSES, environment=hordak, **peer) as theirs,
        contestants("ledger", count=PROCESSES, **_ours(stage)) as ours,
    ):
        taken = interleaved(
            {
                "single": lambda: rate_of(ours, "spread", **_EACH),
                "batch": lambda: rate_of(ours, "spread", size=BATCH, **_EACH),
                "hordak": lambda: rate_of(theirs, "spread", **_EACH),
                "tpcb": lambda: _tpcb(tpcb),
            },
            rounds=rounds,
            warmed_up=stage.analyze,
        )
        assert_ledger([one.ask("check") for one in ours])
        counted = theirs[0].ask("check")
        assert counted["legs"] == 2 * counted["entries"] > 0, "hordak's entries have two legs"
        assert float(counted["off"]) == 0, "hordak's legs sum to zero"
        tpcb.assert_right()
    single = Series(name="one transfer a transaction", unit="/s", readings=taken["single"])
    batch = Series(name="entries, 100 a transaction", unit="/s", readings=taken["batch"])
    peer_series = Series(name="django-hordak transfer_to", unit="/s", readings=taken["hordak"])
    limit = Series(name="pgbench TPC-B", unit="/s", readings=taken["tpcb"])
    return Finding(
        name="P1",
        title="durable transfers, 50 floored accounts, row security and audit, 8 clients",
        series=[single, batch, peer_series, limit],
        aims=[
            Aim(name="one transfer, to hordak", work=single, beside=peer_series, least=2),
            Aim(name="one transfer, to TPC-B", work=single, beside=limit, least=0.4),
            Aim(name="in batches, to TPC-B", work=batch, beside=limit, least=2),
        ],
    )


def hot(stage: Stage, *, rounds: int) -> Finding:
    """P2: all eight clients transfer between the same two accounts."""
    tpcb = TpcB(stage)
    with contestants("ledger", count=PROCESSES, **_ours(stage)) as ours:
        taken = interleaved(
            {
                "unfloored": lambda: rate_of(ours, "hot", floored=False, **_EACH),
                "floored": lambda: rate_of(ours, "hot", floored=True, **_EACH),
                "tpcb": lambda: _tpcb(tpcb),
            },
            rounds=rounds,
            warmed_up=stage.analyze,
        )
        assert_ledger([one.ask("check") for one in ours])
        tpcb.assert_right()
    unfloored = Series(name="pair that may go below zero", unit="/s", readings=taken["unfloored"])
    floored = Series(name="pair that may not", unit="/s", readings=taken["floored"])
    limit = Series(name="pgbench TPC-B", unit="/s", readings=taken["tpcb"])
    return Finding(
        name="P2",
        title="the same, always between one pair of accounts",
        series=[unfloored, floored, limit],
        aims=[
            Aim(name="unfloored, to TPC-B", work=unfloored, beside=limit, least=0.5),
            Aim(name="floored, to TPC-B", work=floored, beside=limit, least=0.2),
        ],
    )


def _ours(stage: Stage) -> dict[str, Any]:
    tenant = stage.add_tenant()
    return {"folder": stage.folder, "environment": {"BENCH_TENANT": str(tenant.id)}}


def _tpcb(tpcb: TpcB) -> float:
    return tpcb.rate(clients=PROCESSES * CLIENTS, processes=PROCESSES, seconds=SECONDS)


def assert_ledger(checks: Sequence[Mapping[str, Any]]) -> None:
    """Every entry that a process counted is there with its audit record, and every invariant holds."""
    posted = sum(check["posted"] for check in checks)
    last = checks[-1]
    assert posted > 0, "something was posted"
    assert last["entries"] == posted, f"{posted} entries were answered, {last['entries']} are there"
    assert last["audited"] == posted, f"{posted} entries, {last['audited']} audit records"
    assert not last["broken"], f"invariants are broken: {last['broken']}"
