"""The proxy that the drills put between our processes does to them what it says."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest

from tests.support.fault_proxy import HOST, FaultProxy, spoil

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_opened: list[Line] = []


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
        await _gone(writer)


async def _gone(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    async with (
        await asyncio.start_server(_echo, HOST, 0) as server,
        FaultProxy(server.sockets[0].getsockname()[1]) as proxy,
    ):
        _opened.clear()
        yield proxy
        for _, writer in _opened:
            writer.close()
            await _gone(writer)


async def _said(line: Line, text: bytes) -> bytes:
    reader, writer = line
    writer.write(text)
    async with asyncio.timeout(3):
        return await reader.readexactly(len(text))


async def _line(proxy: FaultProxy) -> Line:
    _opened.append(await asyncio.open_connection(HOST, proxy.port))
    return _opened[-1]


async def test_passes_everything_on_both_ways(proxy: FaultProxy) -> None:
    line = await _line(proxy)
    text = random.Random(1).randbytes(300_000)
    assert await _said(line, text) == text
    assert proxy.connections == 1


async def test_lets_one_side_go_on_when_the_other_has_said_its_last_word(
    proxy: FaultProxy,
) -> None:
    reader, writer = await _line(proxy)
    writer.write(b"last")
    writer.write_eof()
    assert await reader.read() == b"last"


async def test_takes_its_time(proxy: FaultProxy) -> None:
    line = await _line(proxy)
    proxy.slow(0.05)
    # The loop's own clock is the time of its turn, in whole milliseconds.
    began = time.perf_counter()
    await _said(line, b"slow")
    assert time.perf_counter() - began >= 0.1


async def test_holds_back_what_is_said_while_hushed(proxy: FaultProxy) -> None:
    reader, writer = await _line(proxy)
    proxy.hush()
    writer.write(b"held")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read(4)
    proxy.heal()
    assert await reader.readexactly(4) == b"held"


async def test_cuts_in_good_order(proxy: FaultProxy) -> None:
    line = await _line(proxy)
    await _said(line, b"one")
    proxy.cut()
    assert await line[0].read() == b""


async def test_resets(proxy: FaultProxy) -> None:
    line = await _line(proxy)
    await _said(line, b"one")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await line[0].read()


async def test_tears_a_message_in_two(proxy: FaultProxy) -> None:
    line = await _line(proxy)
    proxy.reset_at(3)
    assert await _said(line, b"whole") == b"whole"
    line[1].write(b"halved")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await line[0].readexactly(6)
    assert await _said(await _line(proxy), b"whole again") == b"whole again"


async def test_refuses_until_it_is_healed(proxy: FaultProxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionError):
        reader, _ = await _line(proxy)
        assert await reader.read(1) == b"", "closed is refused as well"
        raise ConnectionResetError
    proxy.heal()
    assert await _said(await _line(proxy), b"open") == b"open"


async def test_is_healed_after_any_fault(proxy: FaultProxy) -> None:
    dice, seen = random.Random(3), set()
    for _ in range(25):
        seen.add(await spoil(proxy, dice, seconds=0.01))
        assert await _said(await _line(proxy), b"well") == b"well"
    assert seen == {"slow", "hushed", "cut", "reset", "torn", "refusing"}


async def test_one_seed_gives_the_same_faults(proxy: FaultProxy) -> None:
    runs = [
        [await spoil(proxy, dice, seconds=0.001) for _ in range(8)]
        for dice in (random.Random(7), random.Random(7))
    ]
    assert runs[0] == runs[1]
