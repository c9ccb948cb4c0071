"""The client where no answer, a broken one or somebody else's comes back; its breaker; its key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.integrations.circuit_breaker import CircuitBreaker
from app.integrations.custody.hex_safe import HexSafe, _NoAnswer, _NotSent
from app.integrations.custody.hex_safe_protocol import sign
from app.integrations.custody.port import CustodyUnavailable, OutcomeUnknown
from tests.support.custody_sandbox import API_KEY, Control, free_port, payout


@asynccontextmanager
async def answering(*raw: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers its connections with these bytes in turn, and cuts each one off."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(raw[min(len(heard), len(raw)) - 1])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()


def answer(status: str, body: str = "", kind: str = "application/json") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        f"connection: close\r\n\r\n{body}"
    ).encode()


class TestSendPayout:
    async def test_says_that_nothing_was_sent_when_nobody_listens(self) -> None:
        client = HexSafe(url=f"http://127.0.0.1:{free_port()}", api_key=API_KEY)
        with pytest.raises(CustodyUnavailable):
            await client.send_payout(instruction=payout("key-1"))
        await client.close()

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            answer("502 Bad Gateway", "<html>", "text/html"),
            answer("408 Request Timeout"),
            answer("201 Created", '{"id": "wd_1"}'),
            answer("201 Created", "<html>", "text/html"),
            answer("302 Found"),
            answer("403 Forbidden", "<html>a proxy</html>", "text/html"),
            answer("404 Not Found", "<html>a proxy</html>", "text/html"),
            answer("418 I'm a teapot", '{"error": {"code": "TEA", "message": ""}}'),
        ],
    )
    async def test_knows_no_outcome_from_an_answer_it_cannot_trust(self, raw: bytes) -> None:
        async with answering(raw) as (address, heard):
            client = HexSafe(url=address, api_key=API_KEY)
            with pytest.raises(OutcomeUnknown):
                await client.send_payout(instruction=payout("key-1"))
            assert len(heard) == 1, "a withdrawal is never sent twice by the client"
            await client.close()

    async def test_says_that_nothing_was_sent_when_it_is_told_to_slow_down(
        self,
    ) -> None:
        raw = answer("429 Too Many Requests", '{"error": {"code": "SLOW", "message": ""}}')
        async with answering(raw) as (address, _):
            client = HexSafe(url=address, api_key=API_KEY)
            with pytest.raises(CustodyUnavailable, match="SLOW"):
                await client.send_payout(instruction=payout("key-1"))
            await client.close()


class TestReading:
    async def test_is_tried_again_when_the_custodian_stumbles(self) -> None:
        good = answer(
            "200 OK",
            '{"reference": "v", "read_at": "2026-11-22T10:00:00Z",'
            ' "balances": [{"asset": "USD", "available": "5.00"}]}',
        )
        async with answering(b"", answer("503 Service Unavailable"), good) as (
            address,
            heard,
        ):
            client = HexSafe(url=address, api_key=API_KEY)
            held = await client.read_balances(reference="v")
            assert (held[0].asset, str(held[0].balance)) == ("USD", "5.00")
            assert len(heard) == 3
            await client.close()

    async def test_gives_up_after_three_tries(self) -> None:
        async with answering(answer("500 Internal Server Error")) as (address, heard):
            client = HexSafe(url=address, api_key=API_KEY)
            with pytest.raises(CustodyUnavailable):
                await client.lookup_payout(idempotency_key="key-1")
            assert len(heard) == 3
            await client.close()

    @pytest.mark.parametrize("amount", ["NaN", "1e5", "1_000", "Infinity"])
    async def test_refuses_an_amount_that_is_none(self, amount: str) -> None:
        body = (
            '{"reference": "v", "read_at": "2026-11-22T10:00:00Z",'
            f' "balances": [{{"asset": "USD", "available": "{amount}"}}]}}'
        )
        async with answering(answer("200 OK", body)) as (address, _):
            client = HexSafe(url=address, api_key=API_KEY)
            with pytest.raises(CustodyUnavailable, match="amount"):
                await client.read_balances(reference="v")
            await client.close()

    async def test_takes_nobody_elses_payout_for_ours(self, client: HexSafe) -> None:
        await client.send_payout(instruction=payout("key-1"))
        found = (
            '{"withdrawals": [{"id": "wd_1", "idempotency_key": "another", "source_reference": "v",'
            ' "destination_address": "a", "network": null, "asset": "USD", "amount": "1",'
            ' "network_fee": "0", "state": "confirmed", "reason": "",'
            ' "created_at": "2026-11-22T10:00:00Z"}]}'
        )
        async with answering(answer("200 OK", found)) as (address, _):
            careless = HexSafe(url=address, api_key=API_KEY)
            with pytest.raises(CustodyUnavailable, match="another key"):
                await careless.lookup_payout(idempotency_key="key-1")
            await careless.close()


class TestSignature:
    async def test_is_the_one_the_vendor_documents(self) -> None:
        """A fixed vector, so that client and sandbox cannot drift away together."""
        assert (
            sign(
                secret="0123456789abcdef",
                timestamp="1700000000",
                method="POST",
                target="/v1/withdrawals",
                idempotency_key="key-1",
                body=b"{}",
            )
            == "66ef5fdb04fa00e4f297220d1327d0ffa463344d5d5cedc78f7f72ad0920c341"
        )

    async def test_of_another_secret_is_refused_and_nothing_is_sent(self, sandbox: Control) -> None:
        stranger = HexSafe(url=sandbox.address, api_key="a-key-of-somebody-else")
        with pytest.raises(CustodyUnavailable, match="SIGNATURE_INVALID"):
            await stranger.send_payout(instruction=payout("key-1"))
        with pytest.raises(CustodyUnavailable, match="SIGNATURE_INVALID"):
            await stranger.read_balances(reference="staging")
        assert sandbox.withdrawals() == []
        await stranger.close()

    async def test_of_long_ago_is_refused(
        self, client: HexSafe, sandbox: Control, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "app.integrations.custody.hex_safe.real_seconds", lambda: 1_700_000_000.0
        )
        with pytest.raises(CustodyUnavailable, match="TIMESTAMP_STALE"):
            await client.send_payout(instruction=payout("key-1"))
        assert sandbox.withdrawals() == []

    @pytest.mark.parametrize("hours", [1, -1])
    async def test_is_of_the_right_time_where_our_own_clock_is_wrong(
        self, client: HexSafe, own_clock_off: Callable[[float], None], hours: int
    ) -> None:
        own_clock_off(hours * 3600)
        assert await client.read_balances(reference="staging")

    async def test_needs_a_key_long_enough_and_never_repeats_it(self) -> None:
        with pytest.raises(ValueError, match="CUSTODY_API_KEY") as refused:
            HexSafe(url="http://127.0.0.1", api_key="too-short")
        assert "too-short" not in str(refused.value)

    async def test_keeps_the_key_to_itself(self) -> None:
        async with answering(answer("500 Internal Server Error")) as (address, heard):
            client = HexSafe(url=address, api_key=API_KEY)
            with pytest.raises(OutcomeUnknown):
                await client.send_payout(instruction=payout("key-1"))
            assert API_KEY.encode() not in heard[0]
            await client.close()


class TestBreaker:
    async def test_opens_after_five_failures_and_closes_when_a_probe_succeeds(
        self, sandbox: Control
    ) -> None:
        seconds = [0.0]
        breaker = CircuitBreaker(
            counts=(_NotSent, _NoAnswer),
            pause_seconds=5.0,
            monotonic=lambda: seconds[0],
        )
        client = HexSafe(url=sandbox.address, api_key=API_KEY, breaker=breaker)
        sandbox.next("server_error", count=5)
        for number in range(5):
            with pytest.raises(OutcomeUnknown):
                await client.send_payout(instruction=payout(f"key-{number}", "1"))
        assert breaker.is_open
        with pytest.raises(CustodyUnavailable, match="not asked again"):
            await client.send_payout(instruction=payout("key-5", "1"))
        assert len(sandbox.withdrawals()) == 5, "an open breaker lets nothing out"
        seconds[0] = 5.1
        await client.send_payout(instruction=payout("key-5", "1"))
        assert not breaker.is_open
        await client.close()

    async def test_takes_refusals_for_the_answers_they_are(
        self, client: HexSafe, sandbox: Control
    ) -> None:
        sandbox.next("refuse", count=10)
        for number in range(10):
            with pytest.raises(Exception, match="REFUSED_BY_POLICY"):
                await client.send_payout(instruction=payout(f"key-{number}"))
        await client.read_balances(reference="staging")
