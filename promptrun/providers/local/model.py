"""The embedded model: llama.cpp's own server on a loopback port, asked like any other server.

One request is served at a time. Several at once would be batched, and what stands beside a request
in a batch changes the last bits of its logits, so a reply would depend on its neighbours.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING

from msgspec.structs import replace

from promptrun.errors import ProviderError
from promptrun.models import Failure, Server
from promptrun.providers.local.limits import count_choices, unsupported

if TYPE_CHECKING:
    from promptrun.models import Reply, Request
    from promptrun.providers.base import OnPiece, OnProgress
    from promptrun.providers.local.engine import Engine
    from promptrun.providers.openai_chat import OpenAIChat

MODEL = "SmolLM2-135M-Instruct"
CONTEXT = 4096
"""Tokens of a prompt and its reply together."""

_TEMPLATE = Path(__file__).with_name("smollm2.jinja")


class LocalModel:
    """A `Provider` that brings its own server: SmolLM2-135M-Instruct, or a GGUF of the user's.

    An engine that crashed, hangs or has too few slots for a request is replaced before that request
    is sent; only the request that brought it down fails.
    """

    def __init__(self, server: Server, on_progress: OnProgress | None = None) -> None:
        """`on_progress` is called from another thread than the event loop's."""
        self._server = server
        self._on_progress = on_progress
        self._turn = asyncio.Lock()
        self._model = server.model_file
        self._slots = 0
        self._engine: Engine | None = None
        self._chat: OpenAIChat | None = None

    async def open(self) -> Failure | None:
        """Fetch the weights where they are missing, and load them: about half a second."""
        if find_spec("xllamacpp") is None:
            return _setup("the embedded engine is not installed", 'pip install "promptrun[local]"')
        try:
            self._model = await self._find_model()
        except ProviderError as error:
            return _setup(error.message, error.hint)
        chat = await self._chat_with(slots=1)
        return chat if isinstance(chat, Failure) else None

    async def close(self) -> None:
        """Stop the engine."""
        chat, self._chat = self._chat, None
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.stop()
        if chat is not None:
            await chat.close()

    async def complete(
        self, request: Request, *, on_piece: OnPiece | None = None
    ) -> Reply | Failure:
        """Send one request, once, after those that were asked before it."""
        reason = unsupported(request)
        if reason:
            return _setup(reason)
        if request.fresh and "seed" not in request.body:
            request = replace(request, body=request.body | {"seed": randbelow(2**31)})
        async with self._turn:
            try:
                outcome = await self._ask(request, on_piece)
                if _broke(outcome) and self._engine and not await self._engine.ended():
                    # The engine hangs up after a stream, unannounced: a request that takes the
                    # same connection at that moment has not reached it.
                    outcome = await self._ask(request, on_piece)
            except BaseException:
                # It would go on computing for nobody; a new one is ready sooner.
                self._kill()
                raise
            return self._explain(outcome) if isinstance(outcome, Failure) else outcome

    async def list_models(self) -> list[str] | Failure:
        """The one model, by the name that its replies carry."""
        return [self._name]

    @property
    def _name(self) -> str:
        own = self._server.model_file
        return own.stem if own else MODEL

    async def _find_model(self) -> Path:
        if self._server.model_file is not None:
            return await asyncio.to_thread(_check_gguf, self._server.model_file)
        from promptrun.providers.local.weights import fetch_weights

        stopped = False

        def report(done: int, total: int) -> None:
            if stopped:
                raise _NobodyWaitsError
            if self._on_progress is not None:
                self._on_progress(done, total)

        try:
            return await asyncio.to_thread(fetch_weights, on_progress=report)
        finally:
            # A thread outlives the task that waits for it; its next report ends it.
            stopped = True

    async def _ask(self, request: Request, on_piece: OnPiece | None) -> Reply | Failure:
        chat = await self._chat_with(slots=count_choices(request))
        if isinstance(chat, Failure):
            return chat
        return await chat.complete(request, on_piece=on_piece)

    async def _chat_with(self, slots: int) -> OpenAIChat | Failure:
        """The connection to an engine that has at least so many slots."""
        if self._chat and self._engine and self._engine.alive and slots <= self._slots:
            return self._chat
        await self.close()
        self._slots = max(slots, self._slots)
        from promptrun.providers.local.engine import start_engine
        from promptrun.providers.openai_chat import OpenAIChat

        own = self._server.model_file is not None
        try:
            self._engine = await start_engine(
                model=self._model or Path(),
                alias=self._name,
                template="" if own else _TEMPLATE.read_text(encoding="utf-8"),
                slots=self._slots,
                context=CONTEXT,
            )
        except (ProviderError, OSError) as error:
            return self._no_start(error)
        here = Server(
            name="local",
            kind="openai",
            base_url=f"{self._engine.url}/v1",
            api_key=self._engine.key,
            timeout=self._server.timeout,
        )
        self._chat = OpenAIChat(here)
        return await self._chat.open() or self._chat

    def _no_start(self, error: Exception) -> Failure:
        if self._server.model_file is not None:
            message = f"the embedded engine cannot load `{self._server.model_file}`: {error}"
            return _setup(message, "`PROMPTRUN_LOCAL_MODEL` names the GGUF file of a chat model")
        message = f"the embedded engine did not start: {error}"
        return _setup(message, 'pip install --upgrade "promptrun[local]"')

    def _explain(self, failure: Failure) -> Failure:
        if failure.type == "exceed_context_size_error":
            hint = f"a prompt and its reply share {CONTEXT} tokens on the embedded model"
            return replace(failure, hint=hint)
        if failure.kind in {"connection", "timeout", "protocol"}:
            self._kill()
        if failure.kind == "connection":
            message = "the embedded engine ended while it worked on this request"
            return Failure(kind="connection", message=message)
        return failure

    def _kill(self) -> None:
        if self._engine is not None:
            self._engine.kill()


class _NobodyWaitsError(BaseException):
    """The weights are no longer wanted: the run was interrupted."""


def _setup(message: str, hint: str | None = None) -> Failure:
    return Failure(kind="setup", message=message, hint=hint)


def _broke(outcome: Reply | Failure) -> bool:
    return isinstance(outcome, Failure) and outcome.kind == "connection"


def _check_gguf(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ProviderError(f"cannot read `{path}`: {error.strerror}") from None
    if magic != b"GGUF":
        hint = "`PROMPTRUN_LOCAL_MODEL` names the GGUF file of a chat model"
        raise ProviderError(f"`{path}` is not a GGUF file", hint=hint)
    return path
