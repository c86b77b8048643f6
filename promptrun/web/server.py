"""Serving a review on the loopback interface until somebody ends it."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from contextlib import suppress
from secrets import randbelow
from threading import Thread
from typing import TYPE_CHECKING, Final

import uvicorn

from promptrun.errors import UsageError
from promptrun.web.app import Review
from promptrun.web.connections import MOST_CONNECTIONS, Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from promptrun.pipeline.options import Options
    from promptrun.web.desk import Desk

LOOPBACK: Final = "127.0.0.1"
GRACE: Final = 5
"""Seconds that requests under way get when the server ends."""


def serve(
    options: Options, *, port: int | None, opens: bool, announce: Callable[[str], None]
) -> Desk:
    """Let what waits be reviewed in the browser, until Ctrl-C or the page ends it.

    `announce` gets the address, with its token, once it answers; with `opens`, the browser is
    opened there. Gives the desk with what was done. Raises UsageError for a port that is taken,
    and what `Desk` raises.
    """
    with _listen(port) as listening:
        host, number = listening.getsockname()
        review = Review(options, host=host, port=number)
        address = f"http://{host}:{number}/?token={review.guard.token}"
        config = uvicorn.Config(
            review.guard,
            loop="asyncio",
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # what goes wrong is told in the browser
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS + 1,  # reached where every one is being answered
            timeout_graceful_shutdown=GRACE,
        )
        server = _Server(config, desk=review.desk)
        review.on_end = server.end
        # The socket takes connections from here on, and they wait until the server looks at them.
        announce(address)
        if opens:
            Thread(target=_open_browser, args=(address,), daemon=True).start()
        with suppress(KeyboardInterrupt):  # the server ended well before it is raised
            server.run(sockets=[listening])
    return review.desk


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C: what is being settled ends with the change that it is at."""
        self._desk.close()
        super().handle_exit(sig, frame)

    def end(self) -> None:
        """The same without a signal."""
        self._desk.close()
        self.should_exit = True


def _listen(port: int | None) -> socket.socket:
    """A socket on an address of the loopback interface that nobody else serves on.

    A browser sends the cookie of a host to all of its ports. With an address of our own, it is
    sent to no other server of 127.0.0.1. Somebody who chose the port reaches it in a way of his
    own, such as a tunnel, and expects the usual address there.
    """
    if port is None and _has_many_addresses():
        with suppress(OSError):  # a machine whose loopback interface is narrower
            return _bind(_draw_address(), 0)
    try:
        return _bind(LOOPBACK, port or 0)
    except OSError as error:
        raise UsageError(
            f"cannot serve on port `{port}`: {error.strerror}",
            hint="leave out `--port` for one that is free",
        ) from None


def _bind(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A port that a review had a minute ago is free.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(MOST_CONNECTIONS)
    except OSError:
        listening.close()
        raise
    return listening


def _has_many_addresses() -> bool:
    """Whether all of 127.0.0.0/8 leads here, for the browser as well.

    Under WSL the browser is one of Windows, which is led to 127.0.0.1 alone.
    """
    return sys.platform == "linux" and "microsoft" not in os.uname().release.lower()


def _draw_address() -> str:
    # Not of 127.0.*.*, where a system keeps addresses for services of its own.
    return f"127.{1 + randbelow(254)}.{randbelow(256)}.{1 + randbelow(254)}"


def _open_browser(address: str) -> None:
    with suppress(webbrowser.Error):  # the address is shown as well
        browser = webbrowser.get()
        # One that draws in this very terminal would take it away from the review.
        is_textual = type(browser) is webbrowser.GenericBrowser and "BROWSER" not in os.environ
        if not is_textual:
            browser.open(address)
