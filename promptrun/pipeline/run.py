"""Where the stages meet: a plan in, events out, the result of each case among them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import PromptrunError
from promptrun.models import CaseResult
from promptrun.pipeline.prepare import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from promptrun.config import Masker, MaskStream
    from promptrun.execute import Answer, Call
    from promptrun.pipeline.conduct import Ask, Got
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.runs import EndState

    OnSetup = Callable[[int, int], None]
    """Called with the bytes had and the bytes in all while a provider fetches what it needs."""

    Place = tuple[Path, str]
    """A root, and the name of a provider under its settings."""


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


class RecordEnded(Struct, frozen=True, kw_only=True):
    """The run is not recorded any further; it goes on."""

    error: PromptrunError


Event = StreamPiece | StreamRestarted | Delayed | RecordEnded | CaseResult


def run_plan(plan: Plan, *, on_setup: OnSetup | None = None) -> Iterator[Event]:
    """Run every case of a plan; yields one CaseResult a case, in the order in which they end.

    Pieces of streamed replies come in between. A failure of one case never stops another; closing
    the iterator ends what is in flight.
    """
    if plan.options.replay:
        from promptrun.pipeline.replay import replay

        for planned, case in plan.all_cases():
            ready = prepare(plan, planned, case)
            yield replay(plan, ready) if isinstance(ready, Prepared) else ready
        return
    if plan.options.again is not None:
        from promptrun.pipeline.record import judge_again

        yield from judge_again(plan, plan.options.again)
        return
    yield from _Run(plan).events(on_setup)


class _Conducted:
    """A case that has asked something: its generator, and what it got so far."""

    __slots__ = ("asks", "got", "missing", "prepared", "steps")

    def __init__(
        self, prepared: Prepared, steps: Generator[list[Ask], list[Got], CaseResult]
    ) -> None:
        self.prepared = prepared
        self.steps = steps
        self.asks: list[Ask] = []
        self.got: list[Got | None] = []
        self.missing = 0


class _Run:
    """Every case of a plan on its way; each provider is served in turn until nobody asks it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._done: deque[CaseResult] = deque()
        """Results that came of no answer."""
        self._sources = {place: self._begin(place) for place in plan.servers}
        self._urgent: dict[Place, deque[Call]] = {place: deque() for place in plan.servers}
        """What answers made cases ask for: it goes before what no case has begun."""
        self._asked: dict[int, tuple[_Conducted, int]] = {}
        """By the key of a call: who asked, and as which of its questions."""
        self._keys = 0
        # What sends is recorded; a replay does not pay for it.
        from promptrun.pipeline.record import Recorder

        self._recorder = Recorder(plan)
        self._told = False

    def events(self, on_setup: OnSetup | None) -> Iterator[Event]:
        state: EndState = "crashed"
        try:
            yield from self._serve_all(on_setup)
            state = "finished"
        except (GeneratorExit, KeyboardInterrupt):
            state = "interrupted"
            raise
        finally:
            self._recorder.close(state)
        yield from self._finished()

    def _serve_all(self, on_setup: OnSetup | None) -> Iterator[Event]:
        served = True
        while served:
            served = False
            for place in self._sources:
                for event in self._serve(place, on_setup):
                    served = True
                    yield event
                yield from self._finished()

    def _serve(self, place: Place, on_setup: OnSetup | None) -> Iterator[Event]:
        """Ask one provider all that is wanted of it for now."""
        urgent = self._urgent[place]
        while not urgent:
            try:
                first = next(self._sources[place])
            except StopIteration:
                return
            if first is not None:
                urgent.append(first)
            yield from self._finished()
        # Only a run that sends pays for the event loop and the provider's packages.
        from promptrun.execute import Answer, Piece, Restarted, Waiting, execute
        from promptrun.providers import open_provider

        masker = self._plan.masker
        provider = open_provider(self._plan.servers[place], on_progress=on_setup)
        live: dict[int, _LiveText] = {}
        calls = (call for call in self._sources[place] if call is not None)
        for event in execute(calls, provider, jobs=self._plan.jobs, urgent=urgent):
            yield from self._finished()
            case_id = self._asked[event.key][0].prepared.case.id
            match event:
                case Piece():
                    text = live.setdefault(event.key, _LiveText(case_id, masker))
                    yield from text.feed(event.index, event.text)
                case Waiting():
                    reason = masker.mask_text(event.failure.message)
                    yield Delayed(id=case_id, seconds=event.seconds, reason=reason)
                case Restarted():
                    live.pop(event.key, None)
                    yield StreamRestarted(id=case_id)
                case Answer():
                    if event.key in live:
                        yield from live.pop(event.key).flush()
                    self._take(event)
                    yield from self._finished()

    def _end(self, planned: PlannedSpec, result: CaseResult) -> None:
        self._recorder.keep_case(planned.project.root, result)
        self._done.append(result)

    def _finished(self) -> Iterator[CaseResult | RecordEnded]:
        if self._recorder.problem is not None and not self._told:
            self._told = True
            yield RecordEnded(error=self._recorder.problem)
        while self._done:
            yield self._done.popleft()

    def _begin(self, place: Place) -> Iterator[Call | None]:
        """The first questions of each case that starts at `place`, as they are wanted.

        None stands for a case that asks nothing: its result is there.
        """
        from promptrun.pipeline.conduct import conduct
        from promptrun.pipeline.replay import replay

        plan = self._plan
        for planned, case in plan.all_cases():
            if (planned.project.root, planned.provider) != place:
                continue
            ready = prepare(plan, planned, case)
            if not isinstance(ready, Prepared):
                self._end(planned, ready)
                yield None
            elif plan.options.changed and _is_unmoved(ready):
                self._end(planned, replay(plan, ready))
                yield None
            else:
                steps = conduct(plan, ready)
                one = _Conducted(ready, steps)
                for asked_at, call in self._calls(one, next(steps)):
                    # A first question for another provider waits for its turn.
                    if asked_at == place:
                        yield call
                    else:
                        self._urgent[asked_at].append(call)

    def _calls(self, one: _Conducted, asks: list[Ask]) -> list[tuple[Place, Call]]:
        from promptrun.execute import Call

        one.asks = asks
        one.got = [None] * len(asks)
        one.missing = len(asks)
        calls = []
        for position, ask in enumerate(asks):
            key, self._keys = self._keys, self._keys + 1
            self._asked[key] = one, position
            calls.append((ask.place, Call(key=key, request=ask.request, pieces=ask.pieces)))
        return calls

    def _take(self, answer: Answer) -> None:
        """Give an answer to the case that asked; with all of them it takes its next step."""
        from promptrun.pipeline.conduct import Got

        one, position = self._asked.pop(answer.key)
        got = Got(reply=answer.reply, failure=answer.failure, attempts=answer.attempts)
        one.got[position] = got
        self._recorder.keep_reply(one.prepared, one.asks[position], got)
        one.missing -= 1
        if one.missing:
            return
        try:
            asks = one.steps.send([each for each in one.got if each is not None])
        except StopIteration as ended:
            self._end(one.prepared.planned, ended.value)
            return
        for place, call in self._calls(one, asks):
            self._urgent[place].append(call)


def _is_unmoved(prepared: Prepared) -> bool:
    """Whether the accepted reply answered the very request that would be sent now."""
    from promptrun.snapshots import digest_request

    accepted, request = prepared.accepted.snapshot, prepared.result.request
    if accepted is None or request is None:
        return False
    return accepted.digests == digest_request(request.body)


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
