"""The custodian's sandbox for tests: served over HTTP on loopback, and steered by its own door."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from app.integrations.certificates import certificates
from app.integrations.custody.port import PayoutInstruction
from app.integrations.custody.sandbox import HOST, create_sandbox

API_KEY = "hex-safe-key-of-the-tests"


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """`app` on a free port of loopback, in a thread of its own; gives its address."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=HOST,
            port=0,
            log_config=None,
            timeout_graceful_shutdown=1,
            ws="none",
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the sandbox did not start"
        time.sleep(0.005)
    try:
        yield f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=5)


class Control:
    """The sandbox's own door: what it holds, what it does next, what it really did."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = httpx.Client(
            base_url=f"{address}/control", trust_env=False, verify=certificates()
        )

    def fund(
        self, *, vault: str, balance: str, asset: str = "USDC", network_fee: str = "0"
    ) -> None:
        self._post(
            "/vaults",
            {
                "reference": vault,
                "asset": asset,
                "balance": balance,
                "network_fee": network_fee,
            },
        )

    def credit(self, *, vault: str, amount: str, asset: str = "USDC") -> None:
        self._post(f"/vaults/{vault}/credit", {"asset": asset, "amount": amount})

    def next(self, outcome: str, *, count: int = 1, **match: str) -> None:
        self._post("/next", {"outcome": outcome, "count": count, "match": match})

    def reset(self, *, plans_only: bool = False) -> None:
        self._post("/reset", {"plans_only": plans_only})

    def planned(self) -> list[str]:
        answer = self._http.get("/next")
        answer.raise_for_status()
        return [plan["outcome"] for plan in answer.json()]

    def remember(self, *withdrawals: dict[str, Any]) -> None:
        self._http.post("/past-withdrawals", json=list(withdrawals)).raise_for_status()

    def withdrawals(self) -> list[dict[str, Any]]:
        answer = self._http.get("/withdrawals")
        answer.raise_for_status()
        executed: list[dict[str, Any]] = answer.json()["withdrawals"]
        return executed

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._http.post(path, json=body).raise_for_status()

    def close(self) -> None:
        self._http.close()


@contextmanager
def sandbox_at(state_path: str | Path, *, confirm_seconds: float = 0.0) -> Iterator[Control]:
    app = create_sandbox(
        api_key=API_KEY,
        state_path=str(state_path),
        confirm_seconds=confirm_seconds,
        hold_seconds=30.0,
    )
    with serve(app) as address:
        control = Control(address)
        try:
            yield control
        finally:
            control.close()


def payout(key: str, amount: str = "100.00", **changes: Any) -> PayoutInstruction:
    given: dict[str, Any] = {
        "idempotency_key": key,
        "source_reference": "staging",
        "destination_address": "0xclient",
        "network": "ethereum",
        "asset": "USDC",
        "amount": Decimal(amount),
    }
    return PayoutInstruction(**(given | changes))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
