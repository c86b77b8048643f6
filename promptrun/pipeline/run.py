"""Where the stages meet: a plan in, events out, the result of each case among them."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.models import CaseResult
from promptrun.pipeline.settle import Prepared, fail, prepare, replay, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from promptrun.config import Masker, MaskStream
    from promptrun.execute import Answer, Call
    from promptrun.models import Server
    from promptrun.pipeline.plan import Plan

    OnSetup = Callable[[int, int], None]
    """Called with the bytes had and the bytes in all while a provider fetches what it needs."""


class StreamPiece(Struct, frozen=True, kw_only=True):
    """The next text of a streamed reply, masked, as it arrives."""

    id: str
    index: int
    text: str


class StreamRestarted(Struct, frozen=True, kw_only=True):
    """A stream broke and is asked for again: the pieces of this case so far do not count."""

    id: str


class Delayed(Struct, frozen=True, kw_only=True):
    """A request failed for now and is sent again later."""

    id: str
    seconds: float
    """How long it waits."""
    reason: str


Event = StreamPiece | StreamRestarted | Delayed | CaseResult


def run_plan(plan: Plan, *, on_setup: OnSetup | None = None) -> Iterator[Event]:
    """Run every case of a plan; yields one CaseResult a case, in the order in which they end.

    Pieces of streamed replies come in between. A failure of one case never stops another; closing
    the iterator ends what is in flight.
    """
    if plan.options.replay:
        for planned, case in plan.all_cases():
            ready = prepare(plan, planned, case)
            yield replay(plan, ready) if isinstance(ready, Prepared) else ready
        return
    for (root, provider), server in plan.servers.items():
        yield from _ServerRun(plan, root, provider).events(server, on_setup)


class _ServerRun:
    """The cases of a plan that go to one server."""

    def __init__(self, plan: Plan, root: Path, provider: str) -> None:
        self._plan = plan
        self._place = (root, provider)
        self._unsent: deque[CaseResult] = deque()
        self._prepared = self._prepare_all()
        self._in_flight: dict[int, Prepared] = {}

    def events(self, server: Server, on_setup: OnSetup | None) -> Iterator[Event]:
        first = next(self._prepared, None)
        if first is not None:
            yield from self._send(first, server, on_setup)
        while self._unsent:
            yield self._unsent.popleft()

    def _prepare_all(self) -> Iterator[Prepared]:
        """What can be sent; what cannot is put aside as a result."""
        for planned, case in self._plan.all_cases():
            if (planned.project.root, planned.provider) == self._place:
                ready = prepare(self._plan, planned, case)
                if isinstance(ready, Prepared):
                    yield ready
                else:
                    self._unsent.append(ready)

    def _send(self, first: Prepared, server: Server, on_setup: OnSetup | None) -> Iterator[Event]:
        # Only a run that sends pays for the event loop and the provider's packages.
        from promptrun.execute import Answer, Piece, Restarted, Waiting, execute
        from promptrun.providers import open_provider

        provider = open_provider(server, on_progress=on_setup)
        live: dict[int, _LiveText] = {}
        for event in execute(self._calls(first), provider, jobs=self._plan.jobs):
            while self._unsent:
                yield self._unsent.popleft()
            case_id = self._in_flight[event.key].case.id
            match event:
                case Piece():
                    text = live.setdefault(event.key, _LiveText(case_id, self._plan.masker))
                    yield from text.feed(event.index, event.text)
                case Waiting():
                    reason = self._plan.masker.mask_text(event.failure.message)
                    yield Delayed(id=case_id, seconds=event.seconds, reason=reason)
                case Restarted():
                    live.pop(event.key, None)
                    yield StreamRestarted(id=case_id)
                case Answer():
                    if event.key in live:
                        yield from live.pop(event.key).flush()
                    yield self._settled(event)

    def _calls(self, first: Prepared) -> Iterator[Call]:
        from promptrun.execute import Call

        for key, prepared in enumerate(chain([first], self._prepared)):
            self._in_flight[key] = prepared
            yield Call(key=key, request=prepared.request, pieces=prepared.request.streams)

    def _settled(self, answer: Answer) -> CaseResult:
        prepared = self._in_flight.pop(answer.key)
        if answer.failure is not None:
            return fail(self._plan, prepared, answer.failure, answer.attempts)
        assert answer.reply is not None  # noqa: S101 - an answer is a reply or a failure
        return settle(self._plan, prepared, answer.reply, answer.attempts)


class _LiveText:
    """The pieces of one reply on their way to a reader, with secrets held back and masked."""

    def __init__(self, case_id: str, masker: Masker) -> None:
        self._id = case_id
        self._masker = masker
        self._streams: dict[int, MaskStream] = {}

    def feed(self, index: int, text: str) -> Iterator[StreamPiece]:
        if index not in self._streams:
            self._streams[index] = self._masker.stream()
        yield from self._piece(index, self._streams[index].feed(text))

    def flush(self) -> Iterator[StreamPiece]:
        for index, stream in self._streams.items():
            yield from self._piece(index, stream.flush())

    def _piece(self, index: int, text: str) -> Iterator[StreamPiece]:
        if text:
            yield StreamPiece(id=self._id, index=index, text=text)
