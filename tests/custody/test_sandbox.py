"""The sandbox itself: what it remembers, and whom it answers."""

from __future__ import annotations

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from app.integrations.custody import close_custody, custody
from app.integrations.custody.hex_safe import HexSafe
from app.integrations.custody.port import CustodyUnavailable, PayoutProgress
from app.settings import read_settings
from tests.support.custody_sandbox import (
    API_KEY,
    Control,
    free_port,
    payout,
    sandbox_at,
)


class TestState:
    async def test_survives_a_restart_with_a_payout_under_way(self, tmp_path: Path) -> None:
        with sandbox_at(tmp_path / "custody.sqlite", confirm_seconds=3600) as control:
            control.fund(vault="staging", balance="1000.00")
            control.next("refuse", destination_address="0xother")
            client = HexSafe(url=control.address, api_key=API_KEY)
            sent = await client.send_payout(instruction=payout("key-1"))
            await client.close()
        with sandbox_at(tmp_path / "custody.sqlite") as control:
            client = HexSafe(url=control.address, api_key=API_KEY)
            found = await client.lookup_payout(idempotency_key="key-1")
            assert found is not None
            assert (found.reference, found.state) == (
                sent.reference,
                PayoutProgress.submitted,
            )
            held = await client.read_balances(reference="staging")
            assert held[0].balance == Decimal("900.00")
            assert control.planned() == ["refuse"]
            await client.close()

    async def test_is_empty_after_a_reset(self, client: HexSafe, sandbox: Control) -> None:
        await client.send_payout(instruction=payout("key-1"))
        sandbox.reset()
        assert sandbox.withdrawals() == []
        sandbox.fund(vault="staging", balance="1.00")
        assert await client.lookup_payout(idempotency_key="key-1") is None


class TestRemember:
    async def test_knows_older_withdrawals_and_takes_nothing_for_them(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.fund(vault="staging", balance="1000.00")
        past = {
            "id": "wd_past", "idempotency_key": "key-past", "source_reference": "staging",
            "destination_address": "0xa", "network": "ethereum", "asset": "USDC",
            "amount": "100.00", "network_fee": "1.80", "created_at": "2025-01-01T00:00:00+00:00",
        }  # fmt: skip
        sandbox.remember(past, past | {"id": "wd_slow", "idempotency_key": "key-slow",
                                       "settles_in_seconds": 600.0})  # fmt: skip
        sandbox.remember(past)
        known = await client.lookup_payout(idempotency_key="key-past")
        assert known is not None
        assert (known.reference, known.state) == ("wd_past", PayoutProgress.confirmed)
        assert known.network_fee == Decimal("1.80")
        slow = await client.lookup_payout(idempotency_key="key-slow")
        assert slow is not None
        assert slow.state is PayoutProgress.submitted
        (held,) = await client.read_balances(reference="staging")
        assert held.balance == Decimal("1000.00")
        assert len(sandbox.withdrawals()) == 2


class TestControl:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/next", {"outcome": "explode"}),
            ("/next", {"outcome": "refuse", "count": 0}),
            ("/next", {"outcome": "refuse", "match": {"adress": "x"}}),
            ("/vaults", {"reference": "v", "asset": "USD", "balance": "NaN"}),
            ("/vaults", {"reference": "v", "asset": "USD", "balance": "-1"}),
            ("/vaults/staging/credit", {"asset": "USDC", "amount": "0"}),
        ],
    )
    def test_refuses_what_makes_no_sense(
        self, sandbox: Control, path: str, body: dict[str, object]
    ) -> None:
        answer = httpx.post(f"{sandbox.address}/control{path}", json=body, trust_env=False)
        assert answer.status_code == 400

    def test_does_not_listen_to_other_sites_in_a_browser(self, sandbox: Control) -> None:
        answer = httpx.post(
            f"{sandbox.address}/control/reset",
            json={},
            headers={"Origin": "https://evil.example"},
            trust_env=False,
        )
        assert answer.status_code == 403
        rebound = httpx.get(
            f"{sandbox.address}/control/next",
            headers={"Host": "evil.example"},
            trust_env=False,
        )
        assert rebound.status_code == 403


class TestVendorProtocol:
    @pytest.mark.parametrize("path", ["/v1/vaults/staging/balances", "/v1/withdrawals/wd_1"])
    def test_answers_nobody_without_a_signature(self, sandbox: Control, path: str) -> None:
        answer = httpx.get(sandbox.address + path, trust_env=False)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "SIGNATURE_INVALID"


class TestMain:
    async def test_serves_on_loopback_with_the_state_it_is_given(self, tmp_path: Path) -> None:
        port = free_port()
        environment = {
            **os.environ,
            "CUSTODY_API_KEY": API_KEY,
            "SANDBOX_STATE": str(tmp_path / "new" / "custody.sqlite"),
        }
        program = f"from app.integrations.custody.sandbox import main; main({port})"
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environment)
        client = HexSafe(url=f"http://127.0.0.1:{port}", api_key=API_KEY)
        try:
            for _ in range(100):
                try:
                    assert await client.lookup_payout(idempotency_key="key-1") is None
                    break
                except CustodyUnavailable:
                    # It is starting: the client's breaker must not remember that.
                    await client.close()
                    client = HexSafe(url=f"http://127.0.0.1:{port}", api_key=API_KEY)
            else:
                raise AssertionError("the sandbox did not start")
        finally:
            child.terminate()
            await asyncio.wait_for(child.wait(), timeout=10)
            await client.close()
        assert (tmp_path / "new" / "custody.sqlite").exists()


class TestCustody:
    async def test_is_one_client_for_the_process_made_from_the_settings(
        self, sandbox: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CUSTODY_URL", sandbox.address)
        monkeypatch.setenv("CUSTODY_API_KEY", API_KEY)
        ours = read_settings(os.environ)
        monkeypatch.setattr("app.integrations.custody.settings", lambda: ours)
        await close_custody()
        first = custody()
        assert first is custody()
        assert (await first.read_balances(reference="staging"))[0].asset == "USDC"
        await close_custody()
        assert custody() is not first
        await close_custody()
