"""Restarts of a running portal's own processes, and what must be true after them.

Used together with tests/support/load.py.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.embedded.supervisor import RESTART_SIGNAL, WEB_PROCESSES
from tests.support.load import Report
from tests.support.portal import Portal

PARTS = ("worker", "relay", "web")
_KEPT = {"worker": 1, "relay": 1, "web": WEB_PROCESSES}
RESTART_SECONDS_MAX = 60
END_SECONDS_MAX = 10
DONE_SECONDS_MAX = 20


def roll(portal: Portal) -> None:
    """Have the supervisor replace every process of the portal, and wait until it has."""
    wait_for_all(portal)
    before = {part: set(portal.children(part)) for part in PARTS}
    os.kill(portal.process_id, RESTART_SIGNAL)
    until = time.monotonic() + RESTART_SECONDS_MAX
    while time.monotonic() < until:
        now = {part: set(portal.children(part)) for part in PARTS}
        if all(
            len(now[part]) == len(before[part]) and not now[part] & before[part] for part in PARTS
        ):
            return
        time.sleep(0.05)
    raise AssertionError(f"not replaced in {RESTART_SECONDS_MAX} s: {before}, {now}")


def wait_for_all(portal: Portal) -> None:
    """Until the supervisor has started again what has ended, as many as it keeps of each."""
    until = time.monotonic() + RESTART_SECONDS_MAX
    while {part: len(portal.children(part)) for part in PARTS} != _KEPT:
        assert time.monotonic() < until, "the supervisor has not started it again"
        time.sleep(0.05)


def terminate(process_id: int) -> float:
    """SIGTERM one process; gives the seconds until it has ended. Its supervisor starts another."""
    os.kill(process_id, signal.SIGTERM)
    began = time.monotonic()
    while _is_there(process_id):
        took = time.monotonic() - began
        assert took < END_SECONDS_MAX, f"process {process_id} still runs after {took:.1f} s"
        time.sleep(0.01)
    return time.monotonic() - began


def _is_there(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def assert_nothing_lost(portal: Portal, report: Report) -> None:
    """Every write that was answered is there, once; every payout was made, once; no job is left."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(lambda: asyncio.run(_assert_nothing_lost(portal, report))).result()


async def _assert_nothing_lost(portal: Portal, report: Report) -> None:
    # As superuser, which sees every tenant.
    database = await asyncpg.connect(portal.environment["DATABASE_ADMIN_URL"], database="stakehold")
    try:
        assert report.requested
        assert len(set(report.requested)) == len(report.requested)
        first = min(report.requested)
        until = time.monotonic() + DONE_SECONDS_MAX
        while left := await _unfinished(database, first, report):
            assert time.monotonic() < until, f"not done in {DONE_SECONDS_MAX} s: {left}"
            await asyncio.sleep(0.1)
        kept = await database.fetch("SELECT id, state FROM redemption WHERE id >= $1", first)
        states = {str(row["id"]): row["state"] for row in kept}
        assert set(states) == set(report.requested)
        assert {states[one] for one in report.cancelled} <= {"cancelled"}
        assert {states[one] for one in report.settling} <= {"completed"}
        await _assert_paid_once(database, portal, report)
    finally:
        await database.close()
    _assert_mailed_once(portal)


async def _unfinished(database: Any, first: str, report: Report) -> Counter[str]:
    """Jobs that the work has left, by kind, and requests that are still to be paid."""
    jobs = await database.fetch(
        "SELECT j.kind FROM job j JOIN outbox_event e ON (e.tenant_id, e.id) = (j.tenant_id, j.event_id)"
        " WHERE e.subject_id IN (SELECT id FROM redemption WHERE id >= $1) AND j.state <> 'done'",
        first,
    )
    unpaid = await database.fetch(
        "SELECT state FROM redemption WHERE id = ANY($1::uuid[]) AND state <> 'completed'",
        report.settling,
    )
    return Counter(row["kind"] for row in jobs) + Counter(row["state"] for row in unpaid)


async def _assert_paid_once(database: Any, portal: Portal, report: Report) -> None:
    payouts = await database.fetch(
        "SELECT id, redemption_id FROM payout WHERE redemption_id = ANY($1::uuid[])",
        report.settling,
    )
    assert sorted(str(row["redemption_id"]) for row in payouts) == sorted(report.settling)
    async with httpx.AsyncClient(
        base_url=portal.environment["CUSTODY_URL"], trust_env=False
    ) as custodian:
        for row in payouts:
            answer = await custodian.get(
                "/control/withdrawals", params={"idempotency_key": str(row["id"])}
            )
            assert len(answer.raise_for_status().json()["withdrawals"]) == 1, row


def _assert_mailed_once(portal: Portal) -> None:
    """A mail that goes out again has the Message-ID of the first."""
    ids = Counter(
        line
        for mail in (portal.folder / "mail").glob("*.eml")
        for line in mail.read_text(errors="replace").splitlines()
        if line.lower().startswith("message-id:")
    )
    assert [line for line, times in ids.items() if times > 1] == []
