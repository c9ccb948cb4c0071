"""Ours: transfers through the ledger as an operation makes them: a unit of work with row security on,
one posting, an audit record for each entry, a durable commit.
"""

from __future__ import annotations

import os
import random
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from app.kernel import audit
from app.kernel.actors import Actor
from app.kernel.database import fetch_row, start_pool, stop_pool, unit_of_work
from app.kernel.ids import new_id
from app.kernel.invariants import verify_tenant
from app.kernel.ledger.invariants import INVARIANTS
from app.kernel.ledger.operations import open_accounts, open_book, post_entries
from app.kernel.ledger.values import AccountSpec, Entry, Posting
from bench.protocol import repeated, run, serve

CLIENTS = 50
# More than any run can move.
FUNDS = Decimal(1_000_000_000)
ONE = Decimal(1)
ACTOR = Actor(id=new_id(), name="Bench", role="bench", request_id=new_id().hex, address="192.0.2.7")


class Ledger:
    """A book of the tenant with a house and a fees account, which may go below zero, and fifty funded
    accounts of clients, which may not. Processes that name the same tenant share it.
    """

    def __init__(self, tenant: UUID, book_id: UUID, accounts: list[UUID]) -> None:
        self._tenant = tenant
        self._book_id = book_id
        self._house, self._fees, *self._clients = accounts
        self._posted = 0

    @classmethod
    async def opened(cls, tenant: UUID) -> Ledger:
        async with unit_of_work(tenant=tenant, actor=ACTOR):
            book_id = await open_book(name="Bench", subject_kind="bench", subject_id=tenant)
            accounts = await open_accounts(
                specs=[
                    _spec(book_id, "house", None),
                    _spec(book_id, "fees", None),
                    *(_spec(book_id, "client", uuid5(tenant, str(n))) for n in range(CLIENTS)),
                ]
            )
            ledger = cls(tenant, book_id, accounts)
            await post_entries(
                entries=[
                    ledger.entry(ledger._house, client, FUNDS, key=f"fund:{client}")
                    for client in ledger._clients
                ]
            )
        return ledger

    def entry(self, source: UUID, target: UUID, amount: Decimal, *, key: str = "") -> Entry:
        return Entry(
            book_id=self._book_id,
            idempotency_key=key or new_id().hex,
            operation="bench.transfer",
            subject_kind="bench",
            subject_id=self._tenant,
            effective_on=date(2026, 3, 2),
            postings=[Posting(source, -amount), Posting(target, amount)],
        )

    async def spread(self, *, clients: int, seconds: float, size: int = 1) -> dict[str, Any]:
        """Between any two of the fifty, `size` entries in one unit of work; counts entries."""

        async def transfer() -> None:
            pairs = [random.sample(self._clients, 2) for _ in range(size)]
            await self._post([self.entry(source, target, ONE) for source, target in pairs])

        done = await repeated(transfer, clients=clients, seconds=seconds)
        return {**done, "count": done["count"] * size}

    async def hot(self, *, clients: int, seconds: float, floored: bool) -> dict[str, Any]:
        """Always from the same account to the same other one."""
        source, target = self._clients[:2] if floored else (self._house, self._fees)
        return await repeated(
            lambda: self._post([self.entry(source, target, ONE)]), clients=clients, seconds=seconds
        )

    async def _post(self, entries: list[Entry]) -> None:
        async with unit_of_work(tenant=self._tenant, actor=ACTOR):
            for entry_id in await post_entries(entries=entries):
                await audit.record(
                    action="bench.transfer",
                    subject_kind="ledger_entry",
                    subject_id=entry_id,
                    after={"amount": "1"},
                )
        self._posted += len(entries)

    async def check(self) -> dict[str, Any]:
        """What this process posted, what all have, and which invariants of the ledger are broken."""
        results = await verify_tenant(tenant_id=self._tenant, invariants=INVARIANTS)
        async with unit_of_work(tenant=self._tenant, actor=ACTOR):
            row = await fetch_row(
                "SELECT (SELECT count(*) FROM ledger_entry WHERE idempotency_key NOT LIKE 'fund:%')"
                " AS entries, (SELECT count(*) FROM audit_record) AS audited"
            )
        assert row is not None, "it returns one row"
        broken = [result.name for result in results if not result.ok]
        return {**dict(row), "posted": self._posted, "broken": broken}


def _spec(book_id: UUID, kind: str, owner_id: UUID | None) -> AccountSpec:
    return AccountSpec(
        book_id=book_id,
        asset="USD",
        kind=kind,
        owner_id=owner_id,
        floored=owner_id is not None,
        name=f"{kind} {owner_id or ''}".strip(),
    )


async def main() -> None:
    await start_pool(os.environ["DATABASE_URL"], size=20)
    try:
        ledger = await Ledger.opened(UUID(os.environ["BENCH_TENANT"]))
        await serve({"spread": ledger.spread, "hot": ledger.hot, "check": ledger.check})
    finally:
        await stop_pool()


if __name__ == "__main__":
    run(main)
