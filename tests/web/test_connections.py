"""Whoever asks nothing neither stays nor keeps the owner out."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from promptrun.web.connections import MOST_CONNECTIONS
from promptrun.web.desk import Desk
from tests.web.visitor import PATIENCE, Visitor, served

WAIT = 0.5
"""Seconds that a connection gets for a head in these tests."""
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def visitor(template: Path) -> Iterator[Visitor]:
    """Somebody with the page open; nothing in it is ever settled."""
    with served(template) as visitor:
        visitor.enter()
        yield visitor


@pytest.fixture
def hasty(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    monkeypatch.setattr("promptrun.web.connections.HEAD_SECONDS", WAIT)
    return visitor


@contextmanager
def connected(visitor: Visitor, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections of a stranger, each with what it sent."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = socket.create_connection((visitor.name, visitor.port), timeout=PATIENCE)
            opened.append(stack.enter_context(one))
            one.sendall(sent)
        yield opened


def read_end(one: socket.socket) -> bytes:
    """What comes until the server ends it."""
    told = b""
    with suppress(ConnectionError):
        while piece := one.recv(2**16):
            told += piece
    return told


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half a head"])
def test_a_connection_that_asks_nothing_is_closed(hasty: Visitor, sent: bytes) -> None:
    with connected(hasty, 1, sent) as [one]:
        assert read_end(one) == b""


def test_a_head_that_comes_byte_by_byte_gets_no_longer(hasty: Visitor) -> None:
    began = time.monotonic()
    with connected(hasty, 1, HALF) as [one], suppress(ConnectionError):
        one.settimeout(WAIT / 10)
        while time.monotonic() - began < PATIENCE:
            one.sendall(b"x")
            with suppress(TimeoutError):
                assert one.recv(1) == b""
                break

    assert time.monotonic() - began < PATIENCE


def test_half_of_a_second_request_is_given_up_as_well(hasty: Visitor) -> None:
    whole = f"GET /no HTTP/1.1\r\nHost: {hasty.host}\r\nCookie: {hasty.cookie}\r\n\r\n"
    with connected(hasty, 1, whole.encode()) as [one]:
        assert one.recv(2**16).startswith(b"HTTP/1.1 404")
        one.sendall(HALF)
        assert b"HTTP/1.1" not in read_end(one)


def test_a_request_that_takes_long_is_answered(
    hasty: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = Desk.refresh

    def dawdle(desk: Desk, *, force: bool = False) -> None:
        time.sleep(3 * WAIT)
        refresh(desk, force=force)

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "refresh", dawdle)
        assert hasty.get("/list").status == 200


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half a head"])
def test_strangers_without_number_keep_nobody_out(visitor: Visitor, sent: bytes) -> None:
    with connected(visitor, MOST_CONNECTIONS * 2, sent) as strangers:
        assert visitor.get("/list").status == 200
        # The first are the first to go.
        assert read_end(strangers[0]) == b""
        assert visitor.get("/").status == 200


def test_what_is_being_answered_is_never_given_up_for_another(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()
    answered: list[int] = []
    monkeypatch.setattr(Desk, "refresh", hold(begun, go_on))
    asking = Thread(target=lambda: answered.append(visitor.get("/list").status))
    asking.start()
    assert begun.wait(PATIENCE)

    with connected(visitor, MOST_CONNECTIONS * 2, HALF):
        go_on.set()
        asking.join(PATIENCE)

    assert answered == [200]


def hold(begun: Event, go_on: Event) -> Callable[..., None]:
    """A piece of work that waits for the test."""

    def work(desk: Desk, *, force: bool = False) -> None:
        del desk, force
        begun.set()
        go_on.wait(PATIENCE)

    return work
