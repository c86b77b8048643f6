from __future__ import annotations

import asyncio
import time

import pytest

from tests.execute.virtual_time import NothingLeftError, run_virtual


def test_a_day_passes_in_a_moment() -> None:
    begun = time.monotonic()
    result, took = run_virtual(asyncio.sleep(86_400, "awake"))
    assert result == "awake"
    assert took == pytest.approx(86_400)
    assert time.monotonic() - begun < 60


def test_timers_come_in_the_order_of_their_times() -> None:
    woken: list[tuple[int, float]] = []

    async def sleep(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append((seconds, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(*map(sleep, (30, 5, 4000)))

    run_virtual(main(), start=100.0)
    assert woken == [(5, 105.0), (30, 130.0), (4000, 4100.0)]


def test_what_waits_for_nothing_is_found_out() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeftError):
        run_virtual(main())


def test_a_socket_is_heard_before_time_jumps() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        async with asyncio.timeout(60), await asyncio.start_server(echo, "127.0.0.1") as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write("안녕\n".encode())
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    line, took = run_virtual(main(), patience=10.0)
    assert line.decode() == "안녕\n"
    assert took == 0


def test_a_thread_is_heard_before_time_jumps() -> None:
    result, took = run_virtual(asyncio.to_thread(sum, (1, 2)), patience=10.0)
    assert (result, took) == (3, 0)
