"""The embedded engine's process: started, stopped, and never outliving this one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from promptrun.errors import ProviderError

MOST_THREADS = 8
LONGEST_START = 120.0
"""Seconds in which the engine has to load its model."""

_PROGRAM = Path(__file__).with_name("engine_program.py")
_LOG_TAIL = 65536
_LAST_MOMENT = 0.5
"""Seconds from a broken connection until the system tells of a crash."""


class Engine:
    """A running engine, its address and its key."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, key: str) -> None:
        self._process = process
        self._killed = False
        self.url = url
        """``http://127.0.0.1:PORT``."""
        self.key = key

    @property
    def alive(self) -> bool:
        """Whether it can be asked; False from the moment of `kill` on."""
        return not self._killed and self._process.returncode is None

    async def ended(self) -> bool:
        """Whether it has come to an end by itself; waits a moment for one that is about to."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_MOMENT):
                await self._process.wait()
        return self._process.returncode is not None

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._killed = True
        _kill(self._process)

    async def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.kill()
        await _reap(self._process)


async def start_engine(
    *, model: Path, alias: str, template: str, slots: int, context: int
) -> Engine:
    """Load `model` and listen on a free loopback port.

    `template` is a chat template in Jinja, empty for the model's own; `slots` is how many choices
    a request may have, each with `context` tokens. Raises ProviderError with the engine's own words
    where it cannot start.
    """
    import secrets
    import tempfile

    key = secrets.token_urlsafe(24)
    settings = {
        "model": str(model),
        "alias": alias,
        "template": template,
        "api_key": key,
        "slots": slots,
        "context": context,
        "threads": _threads(),
    }
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # The program's folder stays off its path: the modules in it have common names.
            "-P",
            str(_PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            # Ctrl-C is for promptrun, which then stops the engine.
            start_new_session=True,
        )
        try:
            said = await _greet(process, settings)
        except BaseException:
            await _reap(process)
            raise
        if "url" in said:
            return Engine(process, said["url"], key)
        await _reap(process)
        log.seek(max(log.seek(0, os.SEEK_END) - _LOG_TAIL, 0))
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    raise ProviderError(said.get("error") or (lines[-1] if lines else "it ended without a word"))


async def _greet(process: asyncio.subprocess.Process, settings: dict[str, Any]) -> dict[str, Any]:
    with suppress(OSError, ValueError, TimeoutError):
        if process.stdin is not None and process.stdout is not None:
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            async with asyncio.timeout(LONGEST_START):
                said: dict[str, Any] = json.loads(await process.stdout.readline())
                return said
    return {}


async def _reap(process: asyncio.subprocess.Process) -> None:
    _kill(process)
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        if os.name == "nt":
            process.kill()
        else:
            # `Process.kill` looks first whether it has ended, which takes its exit status away
            # from asyncio's watcher: that one then warns of an "unknown child process".
            os.kill(process.pid, signal.SIGKILL)


def _threads() -> int:
    """All processors but one.

    The engine's threads wait for each other in a loop after every step. With another busy program
    on two processors, one thread ran the example specs in 20 s and two threads in 27 to 36 s.
    """
    if sys.platform == "linux":
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return min(max(processors - 1, 1), MOST_THREADS)
