"""Made-up runs to write reports of: `example` holds every verdict, `many` as many as are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.errors import Location, SpecError
from promptrun.models import (
    CaseResult,
    Cause,
    Change,
    Comparison,
    Difference,
    Failure,
    Outcome,
    Rate,
    RateTest,
    Reply,
    ReplyTest,
    Request,
    SetComparison,
    Spent,
    Timings,
    Verdict,
    Warned,
)
from promptrun.reports.history import PastRun

if TYPE_CHECKING:
    from promptrun.reports.report import Report

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\n"
    "```\n# out of the fence @everyone [link](javascript:alert(1)) ![x](https://example.com/x)\n"
    "<!-- ]]> &amp; --> | a | b |\n::error file=x::forged\n##[error]forged\r::warning::forged\n"
    "\x1b[31mred\x00\x07 \u202eevil\u202c \u200b\ufeff \ud800 \ufffe\uffff 한국어\n"
    "<details>`` ` ~~~\n"
)
"""Text that tries to be markup, a command or a control in each of the formats."""

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADh"
    "gGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one pixel, as it stands in a request."""


class Example(Struct, frozen=True, kw_only=True):
    """A recorded run without a record."""

    run: PastRun
    past: Sequence[PastRun] = ()
    cases: Callable[[], Iterator[CaseResult]]

    def results(self) -> Iterator[CaseResult]:
        """Every case; each call begins anew."""
        return self.cases()


def run_of(results: Iterator[CaseResult], **fields: Any) -> PastRun:
    """The run that had these results; `fields` are laid over what is made up of it."""
    verdicts: Counter[Verdict] = Counter()
    prompt_tokens = completion_tokens = requests = 0
    cost = 0.0
    for result in results:
        verdicts[result.verdict] += 1
        spent = result.spent or Spent()
        requests += spent.requests
        prompt_tokens += spent.prompt_tokens or 0
        completion_tokens += spent.completion_tokens or 0
        cost += spent.cost or 0.0
    known: dict[str, Any] = {
        "id": "20261125T193529-f1c3",
        "root": "/home/somebody/secret-project",
        "state": "finished",
        "began": "2026-11-25T19:35:29.120+00:00",
        "ended": "2026-11-25T19:35:41.620+00:00",
        "seconds": 12.5,
        "exit_code": 1,
        "targets": ("specs/",),
        "selection": ("specs",),
        "providers": ("openai",),
        "settings": {"jobs": 8, "timeout": 60.0, "provider": "openai"},
        "update": "auto",
        "versions": {"promptrun": "0.5.0", "openai": "2.8.0", "python": "3.11.9"},
        "commit": "0f02a5d0c1e94a7e8f3b2d6a5c4b3a2f1e0d9c8b",
        "verdicts": dict(verdicts),
        "requests": requests,
        "failures": verdicts[Verdict.ERROR],
        "attempts": requests + 2,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cost": round(cost, 9),
    }
    return PastRun(**known | fields)


def past_runs() -> tuple[PastRun, ...]:
    """Three runs before, newest first: one was killed, one knows no cost."""
    verdicts = {Verdict.PASSED: 9, Verdict.CHANGED: 1}
    return (
        run_of(
            iter(()),
            id="20261124T090000-aa01",
            began="2026-11-24T09:00:00.000+00:00",
            verdicts=verdicts,
            prompt_tokens=2_100,
            completion_tokens=480,
            cost=0.00061,
        ),
        run_of(
            iter(()),
            id="20261123T090000-bb02",
            state="killed",
            began="2026-11-23T09:00:00.000+00:00",
            ended=None,
            seconds=None,
            exit_code=None,
            verdicts={Verdict.PASSED: 4},
            cost=None,
        ),
        run_of(
            iter(()),
            id="20261122T090000-cc03",
            began="2026-11-22T09:00:00.000+00:00",
            verdicts={Verdict.PASSED: 10},
            exit_code=0,
            cost=0.00058,
        ),
    )


def reply_of(
    content: str | None,
    *,
    seconds: float = 0.84,
    first_piece: float | None = None,
    finish_reason: str = "stop",
    **message: Any,
) -> Reply:
    """A reply with one choice; `message` holds more of it, as ``tool_calls``."""
    return Reply(
        raw={
            "id": "chatcmpl-9",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish_reason,
                    "message": {"role": "assistant", "content": content, **message},
                }
            ],
            "usage": {"prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52},
        },
        timings=Timings(total=seconds, first_piece=first_piece),
        request_id="req_7f3a",
        streamed=first_piece is not None,
    )


def request_of(*contents: Any, **fields: Any) -> Request:
    """A request whose messages are the system's and then, in turn, the user's and the model's."""
    roles = ["system", *["user", "assistant"] * len(contents)]
    messages = [
        {"role": role, "content": content} for role, content in zip(roles, contents, strict=False)
    ]
    return Request(body={"model": "gpt-4o-mini", "messages": messages, **fields})


def example() -> Report:
    """One run with every verdict, sets, Korean, images, tool calls and hostile text."""
    return Example(
        run=run_of(_every_case()),
        past=past_runs(),
        cases=_every_case,
    )


def many(count: int) -> Report:
    """So many cases, of a hundred specs in turn, made one by one."""

    def cases() -> Iterator[CaseResult]:
        return map(_numbered, range(count))

    return Example(run=run_of(cases()), past=past_runs(), cases=cases)


def _numbered(number: int) -> CaseResult:
    spec = f"specs/set_{number % 100:02}.yaml"
    common: dict[str, Any] = {
        "spec": spec,
        "case": f"row-{number:06}",
        "provider": "openai",
        "request": request_of("Answer briefly.", f"Question {number}: 할머니는 몇 살입니까?"),
        "reply": reply_of(f"Answer {number}: 여든한 살입니다.", seconds=0.2 + number % 50 / 25),
        "snapshot": f"snapshots/set_{number % 100:02}/row-{number:06}.yaml",
        "tags": ("korean",) if number % 3 else ("korean", "slow"),
        "spent": Spent(
            requests=1, prompt_tokens=40, completion_tokens=12, cost=0.00001 * (1 + number % 7)
        ),
    }
    if number % 10:
        return CaseResult(**common, verdict=Verdict.PASSED, comparison=Comparison())
    old, new = f"Answer {number}: eighty.", f"Answer {number}: 여든한 살입니다."
    return CaseResult(
        **common,
        verdict=Verdict.CHANGED,
        location=Location(spec, 12, 5, f"  - name: row-{number:06}", 4),
        accepted=((reply_of(old), 1),),
        pending=f".promptrun/pending/set_{number % 100:02}/row-{number:06}.yaml",
        comparison=Comparison(
            causes=(Cause.REPLY,),
            reply=(Difference(where="choice 1", old=old, new=new),),
        ),
    )


def _every_case() -> Iterator[CaseResult]:
    yield _passed()
    yield _changed_prompt()
    yield _picture()
    yield _new()
    yield _missing()
    yield _failed()
    yield _hostile()
    yield _failing_server()
    yield _bad_row()
    yield _sampled()
    yield _calling()
    yield _skipped()
    yield _replayed()
    yield _warned()


def _case(spec: str, case: str, verdict: Verdict, **fields: Any) -> CaseResult:
    place = f"{spec.removeprefix('specs/').removesuffix('.yaml')}/{case}.yaml"
    known: dict[str, Any] = {
        "provider": "openai",
        "snapshot": f"snapshots/{place}",
        "spent": Spent(requests=1, prompt_tokens=40, completion_tokens=12, cost=0.0000132),
    }
    if fields.pop("waits", False):
        known["pending"] = f".promptrun/pending/snapshots/{place}"
    if verdict not in {Verdict.PASSED, Verdict.NEW, Verdict.SKIPPED}:
        known["location"] = Location(spec, 14, 5, f"  - name: {case}", 4)
    return CaseResult(spec=spec, case=case, verdict=verdict, **known | fields)


def _passed() -> CaseResult:
    return _case(
        "specs/summary.yaml",
        "tale",
        Verdict.PASSED,
        request=request_of(
            "한 문장으로 요약해 주세요.", "옛날 옛적에 할아버지와 할머니가 살았습니다."
        ),
        reply=reply_of("할아버지와 할머니의 이야기입니다.", first_piece=0.21),
        comparison=Comparison(notes=("served by gpt-4o-mini-2024-07-18, before by another",)),
        outcomes=(
            Outcome(kind="finish_reason", kept=True, expected="stop", found="stop"),
            Outcome(kind="icontains", kept=True, expected="`할머니`", found="할머니"),
            Outcome(kind="latency", kept=True, not_judged="a snapshot does not know latencies"),
        ),
        tags=("korean", "story"),
    )


def _changed_prompt() -> CaseResult:
    old = '{"people": ["할아버지", "할머니"]}'
    new = '{"people": ["할아버지", "용"], "note": "새로운 이야기"}'
    return _case(
        "specs/json_people.yaml",
        "korean",
        Verdict.CHANGED,
        waits=True,
        request=request_of(
            "인물 목록을 json으로 출력해 주세요.",
            "옛날 옛적에 할아버지와 용이 살고 있었습니다.",
            '{"people": []}',
            "다시 해 주세요.",
            temperature=0,
            response_format={"type": "json_object"},
        ),
        reply=reply_of(new),
        accepted=((reply_of(old), 1),),
        comparison=Comparison(
            causes=(Cause.PROMPT, Cause.SETTINGS, Cause.REPLY),
            request=(
                Difference(
                    where="messages[1] (user)",
                    old="옛날 옛적에 할아버지와 할머니가 살고 있었습니다.",
                    new="옛날 옛적에 할아버지와 용이 살고 있었습니다.",
                ),
                Difference(where="temperature", old="0.7", new="0"),
            ),
            reply=(
                Difference(
                    where="choice 1",
                    changes=(
                        Change(path="$.people[1]", kind="changed", old="할머니", new="용"),
                        Change(path="$.note", kind="added", new="새로운 이야기"),
                    ),
                ),
            ),
            warnings=("`compare.ignore`: `$.nothing` matches nothing",),
        ),
        tags=("korean", "json"),
    )


def _picture() -> CaseResult:
    lost = {"sha256": "ab" * 32, "bytes": 81_920, "type": "image/jpeg"}
    parts = [
        {"type": "text", "text": "What is in these pictures?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": lost}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]
    old = "A fox stands in the snow.\nIt looks at a crow.\nThe crow sits on a branch.\n"
    new = (
        "A fox stands in the snow.\nIt looks at a raven.\nThe raven sits on a branch.\nIt sings.\n"
    )
    return _case(
        "specs/vision.yaml",
        "fox",
        Verdict.CHANGED,
        waits=True,
        request=request_of("You describe pictures.", parts),
        reply=reply_of(new, seconds=3.2),
        accepted=((reply_of(old), 1),),
        comparison=Comparison(
            causes=(Cause.MODEL, Cause.REPLY),
            request=(Difference(where="model", old="gpt-4o", new="gpt-4o-mini"),),
            reply=(Difference(where="choice 1", old=old, new=new),),
        ),
        hint="`samples: 10` holds sets of replies against each other",
        tags=("vision",),
    )


def _new() -> CaseResult:
    return _case(
        "specs/summary.yaml",
        "news",
        Verdict.NEW,
        request=request_of("Summarise in one sentence.", "The bridge was opened."),
        reply=reply_of("A bridge opened."),
        written=True,
    )


def _missing() -> CaseResult:
    return _case(
        "specs/summary.yaml",
        "weather,language=ko",
        Verdict.MISSING,
        waits=True,
        reason="there is no snapshot, and CI writes none",
        request=request_of("Summarise in one sentence.", "내일은 비가 옵니다."),
        reply=reply_of("내일은 비."),
    )


def _failed() -> CaseResult:
    return _case(
        "specs/polite.yaml",
        "refund",
        Verdict.FAILED,
        waits=True,
        request=request_of("You are a polite clerk.", "I want my money back!"),
        reply=reply_of("No. Go away.", finish_reason="length"),
        accepted=((reply_of("I am sorry to hear that. May I have your order number?"), 1),),
        comparison=Comparison(
            causes=(Cause.REPLY,),
            reply=(
                Difference(
                    where="choice 1",
                    old="I am sorry to hear that. May I have your order number?",
                    new="No. Go away.",
                ),
            ),
        ),
        outcomes=(
            Outcome(
                kind="finish_reason",
                kept=False,
                expected="stop or tool_calls or function_call",
                found="length",
                where="choice 1",
            ),
            Outcome(
                kind="judge",
                kept=False,
                expected="is the answer polite?",
                found="no, 1 of 5",
                details=("the clerk | sends the customer away", "no word of regret"),
            ),
            Outcome(kind="regex", kept=False, expected="`^(a+)+$`", error="it ran out of time"),
            Outcome(kind="icontains", kept=True, expected="`no`", found="No"),
        ),
        spent=Spent(requests=2, prompt_tokens=190, completion_tokens=48, cost=0.0000611),
        tags=("service",),
    )


def _hostile() -> CaseResult:
    return _case(
        "specs/hostile|<b>.yaml",
        "a `case` <script>alert(1)</script> @team::x",
        Verdict.FAILED,
        waits=True,
        reason=f"reason {HOSTILE}",
        request=request_of(HOSTILE, HOSTILE, HOSTILE, user=HOSTILE),
        reply=reply_of(HOSTILE, refusal=HOSTILE),
        accepted=((reply_of(f"old {HOSTILE}"), 1),),
        comparison=Comparison(
            causes=(Cause.PROMPT, Cause.REPLY),
            request=(Difference(where=f"messages[0] {HOSTILE}", old=None, new=HOSTILE),),
            reply=(
                Difference(where=f"choice {HOSTILE}", old=f"old {HOSTILE}", new=HOSTILE),
                Difference(
                    where="choice 2",
                    changes=(
                        Change(path=f"$[{HOSTILE!r}]", kind="changed", old=HOSTILE, new=1e400),
                        Change(path="$.much", kind="added", new=float("nan")),
                    ),
                ),
            ),
            notes=(HOSTILE,),
            warnings=(HOSTILE,),
        ),
        outcomes=(
            Outcome(
                kind="contains",
                kept=False,
                expected=HOSTILE,
                found=HOSTILE,
                where=HOSTILE,
                details=(HOSTILE,),
            ),
        ),
        notes=(HOSTILE,),
        hint=HOSTILE,
        tags=("<i>", "한국어 태그"),
        location=Location("specs/hostile|<b>,a:b%.yaml", 3, 7, HOSTILE, 4),
    )


def _failing_server() -> CaseResult:
    return _case(
        "specs/summary.yaml",
        "storm",
        Verdict.ERROR,
        request=request_of("Summarise in one sentence.", "A storm came up."),
        failure=Failure(
            kind="status",
            message="the server answered with an error:\nupstream is overloaded",
            hint="ask again later",
            status=503,
            code="overloaded",
            request_id="req_00",
            again=True,
            retry_after=2.0,
        ),
        attempts=3,
        spent=Spent(requests=1),
    )


def _bad_row() -> CaseResult:
    return CaseResult(
        spec="specs/people.yaml",
        case="row at line 7",
        verdict=Verdict.ERROR,
        provider="openai",
        error=SpecError(
            "the row has 3 cells, the head 2",
            location=Location("specs/data/people.csv", 7, 9, "김,81,서울", 2),
            hint="quote the cell that holds a comma",
        ),
        attempts=0,
        location=Location("specs/data/people.csv", 7, 9, "김,81,서울", 2),
    )


def _sampled() -> CaseResult:
    texts = ['{"animals": ["fox"]}'] * 5 + ['{"animals": []}'] * 3 + ["{}", "여우와 까마귀"]
    rule = "json `$.animals`: something"
    rate = RateTest(
        rule=rule,
        now=Rate(kept=5, total=10, interval=(0.24, 0.76)),
        before=Rate(kept=10, total=10, interval=(0.72, 1.0)),
        p=0.016,
        corrected=0.032,
        least_p=0.00001,
        alarm=True,
    )
    replies = ReplyTest(
        p=0.00001,
        corrected=0.00002,
        least_p=0.00002,
        effect=0.53,
        exact=True,
        splits=92_378,
        before=('{"animals": ["fox", "crow"]}',),
        now=("{}", "여우와 까마귀\n둘째 줄"),
        alarm=True,
    )
    look = SetComparison(
        before=10,
        now=10,
        alpha=0.05,
        rates=(rate,),
        replies=replies,
        least_p=0.00001,
        false_alarms=0.0025,
    )
    return _case(
        "specs/animals.yaml",
        "default",
        Verdict.CHANGED,
        waits=True,
        request=request_of("List the animals.", "A fox met a crow.", temperature=1),
        reply=reply_of(texts[0]),
        replies=tuple(
            reply_of(text, seconds=0.3 + at / 10, first_piece=0.1) for at, text in enumerate(texts)
        ),
        accepted=(
            (reply_of('{"animals": ["fox", "crow"]}'), 8),
            (reply_of('{"animals": ["crow", "fox"]}'), 2),
        ),
        comparison=Comparison(causes=(Cause.REPLY,)),
        sets=SetComparison(
            before=10,
            now=10,
            alpha=0.05,
            rates=(rate,),
            replies=replies,
            least_p=0.00001,
            second=look,
            false_alarms=0.0025,
            warnings=("one reply of the accepted set is no JSON",),
        ),
        outcomes=(
            Outcome(kind="json", kept=False, expected="something at `$.animals`", found="nothing"),
        ),
        spent=Spent(requests=20, prompt_tokens=800, completion_tokens=240, cost=0.000264),
        tags=("json", "samples"),
    )


def _calling() -> CaseResult:
    def call(arguments: str) -> list[dict[str, Any]]:
        function = {"name": "get_weather", "arguments": arguments}
        return [{"id": "call_1", "type": "function", "function": function}]

    return _case(
        "specs/tools.yaml",
        "weather",
        Verdict.CHANGED,
        waits=True,
        request=Request(
            body={
                "model": "gpt-4o-mini",
                "messages": [
                    {"role": "developer", "content": "Use the tools."},
                    {"role": "user", "content": "서울 날씨는?", "name": "min"},
                    {"role": "assistant", "content": None, "tool_calls": call('{"city": "서울"}')},
                    {"role": "tool", "tool_call_id": "call_1", "content": '{"celsius": 21}'},
                    {"role": "user", "content": "부산은?"},
                ],
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "get_weather",
                            "parameters": {
                                "type": "object",
                                "properties": {"city": {"type": "string"}},
                            },
                        },
                    }
                ],
            }
        ),
        reply=reply_of(
            None, finish_reason="tool_calls", tool_calls=call('{"city": "부산", "unit": "C"}')
        ),
        accepted=(
            (
                reply_of(None, finish_reason="tool_calls", tool_calls=call('{"city": "부산"}')),
                1,
            ),
        ),
        comparison=Comparison(
            causes=(Cause.REPLY,),
            reply=(
                Difference(
                    where="choice 1, call 1",
                    changes=(Change(path="$.arguments.unit", kind="added", new="C"),),
                ),
            ),
        ),
    )


def _skipped() -> CaseResult:
    return _case(
        "specs/vision.yaml",
        "local",
        Verdict.SKIPPED,
        provider="local",
        snapshot=None,
        reason="the embedded model takes no images",
        spent=None,
        attempts=0,
    )


def _replayed() -> CaseResult:
    return _case(
        "specs/json_people.yaml",
        "english",
        Verdict.PASSED,
        replayed=True,
        request=request_of("List the people as json.", "A grandfather and a grandmother."),
        reply=reply_of('{"people": ["grandfather", "grandmother"]}', seconds=0.0),
        comparison=Comparison(),
        spent=None,
        attempts=0,
    )


def _warned() -> CaseResult:
    return _case(
        "specs/json_people.yaml",
        "hot",
        Verdict.PASSED,
        request=request_of("List the people as json.", "Nobody.", temperature=3),
        reply=reply_of('{"people": []}'),
        comparison=Comparison(),
        warnings=(
            Warned(
                message="`temperature` is 3, above 2",
                location=Location(
                    "specs/json_people.yaml", 8, 28, "parameters: {temperature: 3}", 1
                ),
                hint="OpenAI's own server takes 0 to 2",
            ),
        ),
    )
