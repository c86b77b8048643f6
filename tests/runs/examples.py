"""A run that the tests of records share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from promptrun.errors import Location
from promptrun.models import Cause, Digests, Failure, Reply, Timings, Verdict, Warned
from promptrun.runs import RecordedCase, RecordedReply, RunMeta, RunWriter

META = RunMeta(
    targets=("specs/이야기.yaml::옛날",),
    providers=("openai", "local"),
    overrides={"vars": {"story": "할머니"}, "fields": {"model": "gpt-4o"}, "samples": 20},
    update="none",
    samples=20,
    promptrun="0.3.0",
    openai="3.54.0",
    python="3.11.7",
    commit="119e480",
    selection=("specs/이야기.yaml::옛날",),
    settings={"jobs": 4, "timeout": 60.0},
)
DIGESTS = Digests(prompt="9f2c41d09f2c41d0", settings="51aa07de51aa07de", model="gpt-4o-mini")
CASE = "specs/이야기.yaml::옛날"


def reply(content: Any = "할아버지와 할머니", **fields: Any) -> Reply:
    raw = {
        "id": "chatcmpl-1",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": content}}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 7},
    }
    values = {"timings": Timings(total=0.84), "request_id": "req_1", "streamed": False, **fields}
    return Reply(raw=raw, **values)


def said(ordinal: int = 0, **fields: Any) -> RecordedReply:
    values = {
        "case": CASE,
        "digests": DIGESTS,
        "provider": "openai",
        "reply": reply(),
        **fields,
    }
    return RecordedReply(ordinal=ordinal, **values)


def failed(**fields: Any) -> RecordedReply:
    failure = Failure(
        kind="rate_limit",
        message="너무 많은 요청",
        hint="wait",
        status=429,
        code="slow_down",
        request_id="req_2",
        again=True,
        retry_after=1.5,
    )
    return said(**{"reply": None, "failure": failure, "attempts": 3, **fields})


def ended(case: str = "옛날", **fields: Any) -> RecordedCase:
    spec = "specs/이야기.yaml"
    values = {"verdict": Verdict.PASSED, "provider": "openai", **fields}
    return RecordedCase(spec=spec, case=case, **values)


FULL_CASE = ended(
    verdict=Verdict.CHANGED,
    causes=(Cause.PROMPT, Cause.REPLY),
    reason="이유",
    request={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "이야기"}]},
    digests=DIGESTS,
    snapshot="snapshots/이야기/옛날.yaml",
    warnings=(
        Warned(message="`x` is unknown", location=Location("specs/a.yaml", 3, 2, "x: 1", 1)),
    ),
    notes=("another served model",),
)


def start(root: Path, run_id: str = "run-1") -> RunWriter:
    return RunWriter(root, run_id, META)


def record(root: Path, run_id: str = "run-1") -> Path:
    """A run of one case with one reply, finished."""
    writer = start(root, run_id)
    keep(writer, said(), FULL_CASE)
    writer.close("finished", 0)
    return writer.path


def keep(writer: RunWriter, *added: RecordedReply | RecordedCase) -> None:
    """Add replies and cases, and put them into the file."""
    for one in added:
        if isinstance(one, RecordedReply):
            writer.add_reply(one)
        else:
            writer.add_case(one)
    writer.flush()
