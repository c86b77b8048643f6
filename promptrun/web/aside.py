"""Work that takes its time beside the server, and is left behind when the server ends."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


async def run_aside(work: Callable[[], _T]) -> _T:
    """What `work` gives, done in a thread of its own that keeps no process from ending.

    The threads of a pool are waited for; this one may hang for ever.
    """
    loop = get_running_loop()
    done: Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if done.done():  # nobody waits any more
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]  # where there is no error, it is one
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
            error = raised
        with suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=run, name="promptrun-aside", daemon=True).start()
    return await done
