"""A reply that waits, as the whole case that a page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.options import Options
from promptrun.pipeline.review import find_changes
from promptrun.pipeline.waiting import as_whole_result
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import Cli

SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: [{type: text, text: 무엇?}, {type: image_url, image_url: {url: 점.png}}]}
parameters: {temperature: 0}
"""
PIXEL = b"\x89PNG\r\n\x1a\n" + b"pixel"


@pytest.fixture
def project(asking: Cli, server: OpenAIServer) -> Cli:
    """A reply that waits for a spec with an image."""
    (asking.folder / "specs").mkdir()
    (asking.folder / "specs" / "점.png").write_bytes(PIXEL)
    asking.write("specs/a.yaml", SPEC)
    server.reply = text("옛 답")
    asking("specs")
    server.reply = text("새 답")
    return asking


def whole(project: Cli) -> CaseResult:
    options = Options(targets=(), cwd=Path(project.folder), environ={})
    [change] = find_changes(options)
    return as_whole_result(change)


def image_of(result: CaseResult) -> Any:
    assert result.request is not None
    return result.request.body["messages"][0]["content"][1]["image_url"]["url"]


def contents(result: CaseResult) -> tuple[str | None, list[tuple[str | None, int]]]:
    assert result.reply is not None
    accepted = [(reply.choices[0].content, count) for reply, count in result.accepted]
    return result.reply.choices[0].content, accepted


def test_it_has_the_reply_beside_the_accepted_one_and_the_request_as_it_was_sent(
    project: Cli, server: OpenAIServer
) -> None:
    project("specs")

    result = whole(project)

    assert (result.id, result.verdict) == ("specs/a.yaml::default", Verdict.CHANGED)
    assert contents(result) == ("새 답", [("옛 답", 1)])
    assert result.request is not None
    assert result.request.body == server.requests[-1].json
    assert image_of(result).startswith("data:image/png;base64,")
    assert result.snapshot == "snapshots/a/default.yaml"


@pytest.mark.parametrize("moved", ["the image", "the spec", "gone"])
def test_an_image_that_is_not_the_one_that_was_sent_is_not_shown(project: Cli, moved: str) -> None:
    project("specs")
    if moved == "the image":
        (project.folder / "specs" / "점.png").write_bytes(PIXEL + b"!")
    elif moved == "the spec":
        project.write("specs/a.yaml", SPEC.replace("무엇", "누구"))
    else:
        (project.folder / "specs" / "a.yaml").unlink()

    result = whole(project)

    assert image_of(result)["bytes"] == len(PIXEL)
    assert result.request is not None
    assert result.request.body["messages"][0]["content"][0]["text"] == "무엇?"
    assert result.request.body["temperature"] == 0


def test_a_request_of_which_only_a_digest_is_kept_is_rendered_or_unknown(project: Cli) -> None:
    spec = f"{SPEC}snapshot: {{request: digest}}\n"
    project.write("specs/a.yaml", spec)
    project("specs")

    assert image_of(whole(project)).startswith("data:")
    project.write("specs/a.yaml", spec.replace("무엇", "누구"))
    assert whole(project).request is None


def test_a_first_snapshot_and_an_equal_reply_have_nothing_beside_them(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/a.yaml", SPEC.replace("무엇", "누구"))
    server.reply = text("옛 답")
    project("specs")
    equal = whole(project)
    (project.folder / "snapshots" / "a" / "default.yaml").unlink()
    first = whole(project)

    assert contents(equal) == ("옛 답", [])
    assert equal.verdict is Verdict.CHANGED
    assert contents(first) == ("옛 답", [])
    assert first.verdict is Verdict.NEW


def test_a_set_has_all_its_replies_and_the_accepted_ones_by_their_counts(
    project: Cli, server: OpenAIServer
) -> None:
    spec = f"{SPEC.replace('무엇', '몇')}samples: 4\n"
    project.write("specs/a.yaml", spec)
    server.script.extend(map(text, ["하나", "둘", "하나", "하나"]))
    project("specs", "--update", "all")
    server.script.extend(map(text, ["셋", "셋", "하나", "넷"]))
    project.write("specs/a.yaml", spec.replace("몇", "몇 개"))
    project("specs")

    result = whole(project)

    assert sorted(reply.choices[0].content or "" for reply in result.replies) == [
        "넷", "셋", "셋", "하나",
    ]  # fmt: skip
    assert contents(result)[1] == [("하나", 3), ("둘", 1)]


def test_what_cannot_be_used_is_an_error_without_a_reply(project: Cli) -> None:
    project("specs")
    waiting = project.folder / ".promptrun/pending/snapshots/a/default.yaml"
    waiting.write_text("no: [snapshot", "utf-8")

    result = whole(project)

    assert result.verdict is Verdict.ERROR
    assert (result.request, result.reply, result.accepted) == (None, None, ())


def test_secrets_of_a_request_that_is_rendered_again_stay_masked(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("promptrun.toml", 'secrets = ["HIDDEN"]\n')
    monkeypatch.setenv("HIDDEN", "hunter2-hunter2")
    project.write("specs/a.yaml", SPEC.replace("무엇?", "hunter2-hunter2"))
    project("specs")
    options = Options(targets=(), cwd=project.folder, environ={"HIDDEN": "hunter2-hunter2"})
    [change] = find_changes(options)

    body = str(as_whole_result(change).request)

    assert "***" in body
    assert "hunter2" not in body
