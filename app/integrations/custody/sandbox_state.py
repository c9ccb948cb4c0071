"""What the custodian's sandbox remembers: vaults, withdrawals, and how the next ones shall end.

Kept in SQLite, in a file or in memory. Amounts are text there and `Decimal` here; SQLite never does
sums. Time is real time, handed in. Every public method is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import msgspec

from app.integrations.custody.hex_safe_protocol import (
    WireBalance,
    WireInstruction,
    WireWithdrawal,
)
from app.integrations.custody.sandbox_values import (
    Holding,
    Match,
    Outcome,
    PastWithdrawal,
    Plan,
    Refused,
)
from app.kernel.money import EXACT, ZERO, parse_amount, plain

SCHEMA = """
CREATE TABLE IF NOT EXISTS holding (
  vault TEXT NOT NULL, asset TEXT NOT NULL, available TEXT NOT NULL, network_fee TEXT NOT NULL,
  PRIMARY KEY (vault, asset)
);
CREATE TABLE IF NOT EXISTS withdrawal (
  id TEXT PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, source_reference TEXT NOT NULL,
  destination_address TEXT NOT NULL, network TEXT, asset TEXT NOT NULL, amount TEXT NOT NULL,
  network_fee TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, created_at TEXT NOT NULL,
  settles_at REAL NOT NULL, will_fail INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS refusal (
  idempotency_key TEXT PRIMARY KEY, asked TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS plan (
  id INTEGER PRIMARY KEY, outcome TEXT NOT NULL, remaining INTEGER NOT NULL, match TEXT NOT NULL
);
"""
_SHOWN = ", ".join(WireWithdrawal.__struct_fields__)


class SandboxState:
    def __init__(self, path: str, *, confirm_seconds: float) -> None:
        self._confirm_seconds = confirm_seconds
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)

    def close(self) -> None:
        self._db.close()

    def balances(self, *, reference: str, now: float) -> list[WireBalance]:
        with self._transaction(now):
            rows = self._db.execute(
                "SELECT asset, available FROM holding WHERE vault = ? ORDER BY asset",
                (reference,),
            ).fetchall()
        if not rows:
            raise Refused(404, "VAULT_UNKNOWN", "There is no such vault")
        return [WireBalance(asset=row["asset"], available=row["available"]) for row in rows]

    def withdrawal(self, *, withdrawal_id: str, now: float) -> WireWithdrawal:
        found = self._withdrawals("WHERE id = ?", (withdrawal_id,), now)
        if not found:
            raise Refused(404, "WITHDRAWAL_UNKNOWN", "There is no such withdrawal")
        return found[0]

    def withdrawals(
        self, *, now: float, idempotency_key: str | None = None
    ) -> list[WireWithdrawal]:
        """What was executed, oldest first: all of it, or what one key stands for."""
        if idempotency_key is None:
            return self._withdrawals("", (), now)
        return self._withdrawals("WHERE idempotency_key = ?", (idempotency_key,), now)

    def withdraw(
        self, *, key: str, asked: WireInstruction, now: float
    ) -> tuple[WireWithdrawal | None, Outcome, bool]:
        """Execute `asked` under `key` as planned: the withdrawal, the outcome, whether it is new.

        A key seen before gives its first withdrawal back, or its refusal, and uses up no plan.
        Raises `Refused`.
        """
        with self._transaction(now):
            before = self._shown("WHERE idempotency_key = ?", (key,))
            if before and not _same(before[0], asked):
                raise Refused(409, "KEY_REUSED", "This Idempotency-Key had another body")
            if before:
                return before[0], Outcome.succeed, False
            refusal = self._refusal(key, asked)
            if refusal is None:
                outcome = self._planned(key, asked)
                if outcome is not Outcome.time_out:
                    refusal = self._execute(key, asked, now, outcome)
            made = self._shown("WHERE idempotency_key = ?", (key,))
        # Raised outside the transaction, so that it and the used-up plan are remembered.
        if refusal is not None:
            raise refusal
        return (made[0] if made else None), outcome, True

    def set_holding(self, holding: Holding) -> None:
        with self._transaction(0.0):
            self._db.execute(
                "INSERT INTO holding VALUES (?, ?, ?, ?) ON CONFLICT (vault, asset) DO UPDATE "
                "SET available = excluded.available, network_fee = excluded.network_fee",
                (
                    holding.reference,
                    holding.asset,
                    holding.balance,
                    holding.network_fee,
                ),
            )

    def credit(self, *, reference: str, asset: str, amount: Decimal) -> None:
        with self._transaction(0.0):
            available, _ = self._holding(reference, asset)
            self._set_available(reference, asset, EXACT.add(available, amount))

    def remember(self, withdrawals: Sequence[PastWithdrawal], *, now: float) -> None:
        """Keep these beside its own; no holding changes. Remembering one again changes nothing."""
        with self._transaction(now):
            self._db.executemany(
                "INSERT INTO withdrawal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, 0)"
                " ON CONFLICT DO NOTHING",
                [
                    (
                        one.id, one.idempotency_key, one.source_reference,
                        one.destination_address, one.network, one.asset, one.amount,
                        one.network_fee, "submitted" if one.settles_in_seconds else "confirmed",
                        one.created_at, now + one.settles_in_seconds,
                    )
                    for one in withdrawals
                ],
            )  # fmt: skip

    def plan(self, plan: Plan) -> None:
        with self._transaction(0.0):
            self._db.execute(
                "INSERT INTO plan (outcome, remaining, match) VALUES (?, ?, ?)",
                (plan.outcome, plan.count, msgspec.json.encode(plan.match).decode()),
            )

    def plans(self) -> list[Plan]:
        """What is still to come, in the order it is used."""
        return [
            Plan(
                Outcome(row["outcome"]),
                row["remaining"],
                msgspec.json.decode(row["match"], type=Match),
            )
            for row in self._db.execute("SELECT * FROM plan WHERE remaining > 0 ORDER BY id")
        ]

    def reset(self, *, plans_only: bool) -> None:
        with self._transaction(0.0):
            self._db.execute("DELETE FROM plan")
            if not plans_only:
                self._db.execute("DELETE FROM withdrawal")
                self._db.execute("DELETE FROM refusal")
                self._db.execute("DELETE FROM holding")

    @contextmanager
    def _transaction(self, now: float) -> Iterator[None]:
        """All or nothing; what is due by `now` has settled before the body sees it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._settle(now)
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _settle(self, now: float) -> None:
        due = self._db.execute(
            "SELECT * FROM withdrawal WHERE state = 'submitted' AND settles_at <= ?",
            (now,),
        ).fetchall()
        for row in due:
            if row["will_fail"]:
                vault, asset = row["source_reference"], row["asset"]
                available, _ = self._holding(vault, asset)
                moved = EXACT.add(Decimal(row["amount"]), Decimal(row["network_fee"]))
                self._set_available(vault, asset, EXACT.add(available, moved))
            self._db.execute(
                "UPDATE withdrawal SET state = ?, reason = ?, network_fee = ? WHERE id = ?",
                (
                    "failed",
                    "REJECTED_BY_NETWORK: the network did not take it",
                    "0",
                    row["id"],
                )
                if row["will_fail"]
                else ("confirmed", "", row["network_fee"], row["id"]),
            )

    def _planned(self, key: str, asked: WireInstruction) -> Outcome:
        """The outcome of the first plan that fits, which is used up by one; else it succeeds."""
        told = {**msgspec.structs.asdict(asked), "idempotency_key": key}
        for row in self._db.execute(
            "SELECT * FROM plan WHERE remaining > 0 ORDER BY id"
        ).fetchall():
            wanted = json.loads(row["match"])
            if all(value is None or told[name] == value for name, value in wanted.items()):
                self._db.execute(
                    "UPDATE plan SET remaining = remaining - 1 WHERE id = ?",
                    (row["id"],),
                )
                return Outcome(row["outcome"])
        return Outcome.succeed

    def _refusal(self, key: str, asked: WireInstruction) -> Refused | None:
        """The refusal that `key` met before, if it did; it is final."""
        row = self._db.execute("SELECT * FROM refusal WHERE idempotency_key = ?", (key,)).fetchone()
        if row is None:
            return None
        if row["asked"] != msgspec.json.encode(asked).decode():
            raise Refused(409, "KEY_REUSED", "This Idempotency-Key had another body")
        return Refused(422, row["code"], row["message"])

    def _execute(
        self, key: str, asked: WireInstruction, now: float, outcome: Outcome
    ) -> Refused | None:
        """Take the assets and write the withdrawal, or write why not."""
        available, fee = self._holding(asked.source_reference, asked.asset)
        left = EXACT.subtract(available, EXACT.add(parse_amount(asked.amount, field="amount"), fee))
        refusal = None
        if outcome is Outcome.refuse:
            refusal = Refused(422, "REFUSED_BY_POLICY", "The vault's policy does not allow this")
        elif left < ZERO:
            refusal = Refused(
                422, "INSUFFICIENT_BALANCE", "The vault holds less than amount and fee"
            )
        if refusal is not None:
            self._db.execute(
                "INSERT INTO refusal VALUES (?, ?, ?, ?)",
                (key, msgspec.json.encode(asked).decode(), refusal.code, refusal.message),
            )
            return refusal
        self._set_available(asked.source_reference, asked.asset, left)
        self._db.execute(
            "INSERT INTO withdrawal VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'submitted', '', ?, ?, ?)",
            (
                f"wd_{uuid4().hex}", key, asked.source_reference, asked.destination_address,
                asked.network, asked.asset, asked.amount, plain(fee),
                datetime.fromtimestamp(now, UTC).isoformat(), now + self._confirm_seconds,
                outcome is Outcome.fail_later,
            ),
        )  # fmt: skip
        return None

    def _holding(self, vault: str, asset: str) -> tuple[Decimal, Decimal]:
        """What is available, and the fee of a withdrawal."""
        row = self._db.execute(
            "SELECT available, network_fee FROM holding WHERE vault = ? AND asset = ?",
            (vault, asset),
        ).fetchone()
        if row is None:
            raise Refused(404, "VAULT_UNKNOWN", "There is no such vault, or it has no such asset")
        return Decimal(row["available"]), Decimal(row["network_fee"])

    def _set_available(self, vault: str, asset: str, available: Decimal) -> None:
        self._db.execute(
            "UPDATE holding SET available = ? WHERE vault = ? AND asset = ?",
            (plain(available), vault, asset),
        )

    def _withdrawals(self, where: str, values: tuple[str, ...], now: float) -> list[WireWithdrawal]:
        with self._transaction(now):
            return self._shown(where, values)

    def _shown(self, where: str, values: tuple[str, ...]) -> list[WireWithdrawal]:
        rows = self._db.execute(
            f"SELECT {_SHOWN} FROM withdrawal {where} ORDER BY created_at, id", values
        )
        return [msgspec.convert(dict(row), WireWithdrawal) for row in rows]


def _same(made: WireWithdrawal, asked: WireInstruction) -> bool:
    return all(getattr(made, name) == getattr(asked, name) for name in asked.__struct_fields__)
