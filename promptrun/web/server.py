"""Serving a review on the loopback interface until somebody ends it."""

from __future__ import annotations

import os
import socket
import webbrowser
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final

import uvicorn

from promptrun.errors import UsageError
from promptrun.web.app import Review

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from promptrun.pipeline.options import Options
    from promptrun.web.desk import Desk

LOOPBACK: Final = "127.0.0.1"
MOST_CONNECTIONS: Final = 100
"""At once; more are told that the server is busy."""
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
        number = listening.getsockname()[1]
        review = Review(options, port=number)
        address = f"http://{LOOPBACK}:{number}/?token={review.guard.token}"
        config = uvicorn.Config(
            review.guard,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # what goes wrong is told in the browser
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
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
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A port that a review had a minute ago is free.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port or 0))
        listening.listen(MOST_CONNECTIONS)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"cannot serve on port `{port}`: {error.strerror}",
            hint="leave out `--port` for one that is free",
        ) from None
    return listening


def _open_browser(address: str) -> None:
    with suppress(webbrowser.Error):  # the address is shown as well
        browser = webbrowser.get()
        # One that draws in this very terminal would take it away from the review.
        is_textual = type(browser) is webbrowser.GenericBrowser and "BROWSER" not in os.environ
        if not is_textual:
            browser.open(address)
