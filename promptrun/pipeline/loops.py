"""Driving a run from inside of somebody else's event loop: a notebook, an asynchronous test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def call_outside_of_loops(function: Callable[[], _T]) -> _T:
    """Call `function`, in a thread of its own where this one runs a loop: a run needs its own."""
    if not _inside_a_loop():
        return function()
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


def _inside_a_loop() -> bool:
    # Whoever runs a loop has imported asyncio; a replay does not pay for it.
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
