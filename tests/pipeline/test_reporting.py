"""A run that is read back from its record tells what it told while it went on."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from typing import Any

import pytest
from msgspec import structs

from promptrun.errors import UsageError
from promptrun.execute import Stop
from promptrun.models import CaseResult, Overrides, Verdict
from promptrun.pipeline.history import read_history
from promptrun.pipeline.options import Options
from promptrun.pipeline.plan import make_plan
from promptrun.pipeline.record import Recorder
from promptrun.pipeline.reporting import RecordedRun, recorded_run
from promptrun.pipeline.run import run_plan
from promptrun.reports.json_report import describe_result
from tests.openai_answers import said_last
from tests.openai_server import OpenAIServer, Received, error, text
from tests.promptrun_cli import Cli

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cf"
    "c000000301010018dd8db00000000049454e44ae426082"
)
SPEC = """\
model: gpt-4o-mini
tags: [짧은]
messages:
  - role: user
    content: "{{ word }}"
cases:
  - {name: same, vars: {word: 안녕}}
  - {name: other, vars: {word: moves}}
  - {name: broken, vars: {word: breaks}, expect: [{contains: 없는 말}]}
  - {name: refused, vars: {word: error}}
  - {name: json, vars: {word: '{"people": ["할머니"]}'}, compare: {mode: json}}
"""
IMAGE = """\
model: gpt-4o-mini
messages:
  - role: user
    content:
      - {type: text, text: 무엇이 보이나요?}
      - {type: image_url, image_url: {url: dot.png, detail: low}}
"""
SET = """\
model: gpt-4o-mini
messages: [{role: user, content: 색}]
samples: 4
"""


def answer(received: Received) -> Any:
    word = said_last(received.json)
    if word == "error":
        return error(400, "no such thing")
    return text(f"{word} {len(word)}" if word == "moves" else word)


@pytest.fixture
def project(asking: Cli, server: OpenAIServer) -> Cli:
    server.reply = answer
    asking.write("specs/words.yaml", SPEC)
    asking.write("specs/image.yaml", IMAGE)
    asking.write("specs/colour.yaml", SET)
    (asking.folder / "specs/dot.png").write_bytes(PNG)
    asking.write("bad.csv", "word\na\nb,c\n")
    asking.write(
        "specs/rows.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: '{{ word }}'}]\n"
        "cases: {file: ../bad.csv}\n",
    )
    return asking


def options(cli: Cli, **fields: Any) -> Options:
    return Options(targets=("specs",), cwd=cli.folder, environ=os.environ, **fields)


def run(chosen: Options) -> tuple[list[CaseResult], list[CaseResult], RecordedRun]:
    """What a run told, and what its record tells."""
    plan = make_plan(chosen, sends=not (chosen.replay or chosen.again))
    told = [event for event in run_plan(plan) if isinstance(event, CaseResult)]
    with recorded_run(plan) as recorded:
        again = list(recorded.results())
        assert [one.id for one in again] == [one.id for one in recorded.results()]
    return told, again, recorded


def plain(results: list[CaseResult]) -> dict[str, Any]:
    later = ("spent", "prompt_tokens", "completion_tokens", "cost", "requests")
    return {
        one.id: {name: value for name, value in describe_result(one).items() if name not in later}
        for one in results
    }


def by_name(results: list[CaseResult]) -> dict[str, CaseResult]:
    return {one.case: one for one in results}


def test_a_first_run_is_told_again_as_it_was(project: Cli) -> None:
    told, again, _ = run(options(project))

    assert plain(again) == plain(told)
    assert {one.verdict for one in told} == {Verdict.NEW, Verdict.FAILED, Verdict.ERROR}


def test_a_run_that_finds_changes_is_told_again_as_it_was(
    project: Cli, server: OpenAIServer
) -> None:
    run(options(project))
    path = project.folder / "specs/words.yaml"
    path.write_text(path.read_text("utf-8").replace("word: moves", "word: moves on"), "utf-8")
    server.reply = lambda received: text(f"{said_last(received.json)}!")

    told, again, _ = run(options(project))

    assert plain(again) == plain(told)
    other = by_name(again)["other"]
    assert other.location is not None
    assert str(other.location) == "specs/words.yaml:8:5"
    ((accepted, count),) = other.accepted
    assert (accepted.choices[0].content, count) == ("moves 5", 1)
    assert other.tags == ("짧은",)


def test_what_the_requests_of_a_case_took_is_added_up(project: Cli) -> None:
    _, again, recorded = run(options(project))

    spent = by_name(again)["same"].spent
    assert spent is not None
    assert spent.requests == 1
    assert spent.completion_tokens
    sampled = next(one for one in again if one.spec == "specs/colour.yaml")
    assert len(sampled.replies) == 4
    assert sampled.spent is not None
    assert sampled.spent.requests == 4
    assert recorded.run.requests == sum(one.spent.requests for one in again if one.spent)


def test_an_image_comes_back_as_it_was_sent(project: Cli, server: OpenAIServer) -> None:
    _, again, _ = run(options(project))

    result = next(one for one in again if one.spec == "specs/image.yaml")
    assert result.request is not None
    sent = next(one.json for one in server.requests if isinstance(_content(one.json), list))
    assert result.request.body == {name: sent[name] for name in ("model", "messages")}
    assert _content(sent)[1]["image_url"]["url"].startswith("data:image/png;base64,")


def _content(body: dict[str, Any]) -> Any:
    return body["messages"][0]["content"]


def test_the_image_of_the_first_case_of_a_replay_comes_back(project: Cli) -> None:
    run(options(project))
    (project.folder / "specs/colour.yaml").unlink()  # it would begin the record

    _, again, _ = run(options(project, replay=True, reported=True))

    result = again[0]
    assert result.request is not None
    assert result.spec == "specs/image.yaml"
    assert _content(result.request.body)[1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_the_image_of_a_case_that_was_told_before_the_record_began_is_kept(project: Cli) -> None:
    run(options(project))
    # The first spec by its name: its case is unmoved, and ends before anything is sent.
    project.write("specs/a_picture.yaml", IMAGE)
    run(options(project))
    project.write("specs/z_new.yaml", "model: m\nmessages: [{role: user, content: 새 것}]\n")

    _, again, _ = run(options(project, changed=True))

    result = next(one for one in again if one.spec == "specs/a_picture.yaml")
    assert result.replayed
    assert result.request is not None
    url = _content(result.request.body)[1]["image_url"]["url"]
    assert url.startswith("data:image/png;base64,")


def test_two_projects_that_share_an_image_both_keep_it(project: Cli) -> None:
    for name in ("one", "two"):
        project.write(f"{name}/promptrun.toml", "")
        project.write(f"{name}/specs/image.yaml", IMAGE)
        (project.folder / name / "specs/dot.png").write_bytes(PNG)

    _, again, _ = run(structs.replace(options(project), targets=("one", "two")))

    assert len(again) == 2
    for result in again:
        assert result.request is not None
        assert _content(result.request.body)[1]["image_url"]["url"].startswith("data:image/png;")


def test_an_image_that_is_too_large_is_told_by_its_digest(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptrun.pipeline.record.MOST_IMAGE", len(PNG) - 1)

    _, again, _ = run(options(project))

    result = next(one for one in again if one.spec == "specs/image.yaml")
    assert result.request is not None
    url = _content(result.request.body)[1]["image_url"]["url"]
    assert url == {"sha256": url["sha256"], "bytes": len(PNG), "type": "image/png"}


def test_a_replay_leaves_a_record_only_where_it_is_reported(project: Cli) -> None:
    run(options(project))
    folder = project.folder / ".promptrun/runs"
    before = set(folder.iterdir())

    list(run_plan(make_plan(options(project, replay=True), sends=False)))
    assert set(folder.iterdir()) == before

    told, again, recorded = run(options(project, replay=True, reported=True))
    assert len(set(folder.glob("*.sqlite")) - before) == 1
    assert plain(again) == plain(told)
    assert recorded.run.settings["replay"] is True
    assert recorded.run.requests == 0
    assert recorded.run.state == "finished"


def test_a_run_that_is_judged_again_is_told_as_it_was_judged(project: Cli) -> None:
    run(options(project))

    told, again, _ = run(options(project, again="last", reported=True))

    assert plain(again) == plain(told)
    assert by_name(again)["same"].reply is not None


def test_the_changed_cases_alone_are_sent_and_the_others_are_told_as_well(project: Cli) -> None:
    run(options(project))

    told, again, _ = run(options(project, changed=True, reported=True))

    assert plain(again) == plain(told)
    assert by_name(again)["same"].replayed


def test_earlier_runs_over_the_same_paths_are_told_newest_first(project: Cli) -> None:
    ids = [run(options(project))[2].run.id for _ in range(3)]

    with RecordedRun([project.folder], ids[-1]) as recorded:
        assert [one.id for one in recorded.past] == [ids[1], ids[0]]


@pytest.mark.parametrize(
    "name",
    ["a\0b", "x" * 5_000, "../../..", "/"],
    ids=["a null byte", "too long a name", "folders above", "the root"],
)
def test_a_record_over_what_is_no_path_of_the_project_has_no_earlier_runs(
    project: Cli, name: str
) -> None:
    recorded = [run(options(project))[2].run.id for _ in range(2)][-1]
    file = project.folder / f".promptrun/runs/{recorded}.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        query = "UPDATE run SET meta = json_replace(meta, '$.selection', json_array(?))"
        connection.execute(query, (name,))

    with RecordedRun([project.folder], recorded) as stranger:
        assert not stranger.past
        assert list(stranger.results())


def test_a_record_never_leads_to_a_file_that_its_run_names(project: Cli) -> None:
    recorded = run(options(project))[2].run.id
    other = project.folder.parent / "other"
    (other / ".promptrun/runs").mkdir(parents=True)
    (other / "promptrun.toml").touch()
    file = project.folder / f".promptrun/runs/{recorded}.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        query = "UPDATE run SET meta = json_replace(meta, '$.selection', json(?))"
        connection.execute(query, (json.dumps(["../other/specs", "specs"]),))
    touched: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event in {"os.scandir", "os.listdir", "open", "sqlite3.connect"}:
            touched.append(str(arguments[0]))

    sys.addaudithook(watch)  # there is no way to take it away
    with RecordedRun([project.folder], recorded) as stranger:
        watching = False
        assert stranger.run.selection == ("../other/specs", "specs")
    assert any(recorded in one for one in touched)
    assert not [one for one in touched if one.startswith(str(other))]


def test_a_run_over_very_many_targets_is_recorded_by_what_holds_them(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptrun.pipeline.resume.MOST_SELECTED", 2)
    names = ("same", "other", "json")
    targets = tuple(f"specs/words.yaml::{name}" for name in names)

    def record(*targets: str) -> tuple[str, ...]:
        chosen = structs.replace(options(project, reported=True), targets=targets)
        return tuple(run(chosen)[2].run.selection)

    assert record(*targets[:2]) == (targets[1], targets[0])
    assert record(*targets) == ("specs/words.yaml",)
    assert record("specs/words.yaml", "specs/image.yaml", "specs/colour.yaml") == ("specs",)


def test_the_images_of_one_case_and_of_all_have_bounds(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = "      - {type: image_url, image_url: {url: dot.png}}\n"
    project.write("specs/image.yaml", IMAGE + part * 2 + "cases: [{name: a}, {name: b}]\n")
    recorded = run(options(project))[2].run.id

    def count() -> dict[str, int]:
        with RecordedRun([project.folder], recorded) as again:
            return {
                one.case: repr(one.request.body).count("data:image/png;base64,")
                for one in again.results()
                if one.spec == "specs/image.yaml" and one.request
            }

    assert sorted(count().values()) == [3, 3]
    monkeypatch.setattr("promptrun.pipeline.kept_images.MOST_OF_CASE", 2 * len(PNG))
    assert sorted(count().values()) == [2, 2]
    monkeypatch.setattr("promptrun.pipeline.reporting.MOST_IMAGES", 3 * len(PNG))
    assert sorted(count().values()) == [1, 2]
    monkeypatch.setattr("promptrun.pipeline.kept_images.MOST_LOOKS", 1)
    assert sorted(count().values()) == [1, 1]


def test_more_replies_of_a_case_than_anybody_asks_for_are_cut_and_a_note_says_so(
    project: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run(options(project))[2].run.id
    monkeypatch.setattr("promptrun.pipeline.reporting.MOST_REPLIES", 3)

    with RecordedRun([project.folder], recorded) as again:
        found = list(again.results())

    sampled = next(one for one in found if one.spec == "specs/colour.yaml")
    assert sampled.spent is not None
    assert sampled.spent.requests == 3
    assert sampled.notes[-1] == "only its first 3 recorded requests are told"
    assert not by_name(found)["same"].notes


@pytest.mark.parametrize("target", ["a\0b", "x" * 5_000], ids=["a null byte", "too long a name"])
def test_a_target_that_can_be_no_path_is_refused(project: Cli, target: str) -> None:
    with pytest.raises(UsageError, match="is no path"):
        read_history([target], cwd=project.folder, most=1)


def test_a_replay_that_is_left_before_a_failure_was_interrupted(project: Cli) -> None:
    run(options(project))
    plan = make_plan(options(project, replay=True, reported=True, fail_fast=True), sends=False)

    events = run_plan(plan)
    first = next(event for event in events if isinstance(event, CaseResult))
    events.close()

    assert first.verdict is Verdict.PASSED
    with recorded_run(plan) as recorded:
        assert recorded.run.state == "interrupted"


def test_a_project_that_keeps_no_record_holds_no_case_in_memory(project: Cli) -> None:
    project.write("promptrun.toml", "[runs]\nrecord = false\n")
    plan = make_plan(options(project), sends=True)
    recorder = Recorder(plan, Stop())
    name = "이름 " * 20
    result = CaseResult(spec="a", case=name, verdict=Verdict.PASSED, provider="openai")
    held = sys.getrefcount(name)

    recorder.keep_case(plan.specs[0].project.root, result, None)

    assert sys.getrefcount(name) == held
    assert not recorder.began


def test_a_secret_in_the_line_of_a_spec_is_masked(project: Cli) -> None:
    project.write(
        "specs/words.yaml",
        "model: gpt-4o-mini\nmessages: [{role: user, content: 'error'}]  # sk-test-0123456789\n",
    )

    _, again, recorded = run(options(project))

    assert "sk-test-0123456789" not in repr(again)
    record = project.folder / f".promptrun/runs/{recorded.run.id}.sqlite"
    assert b"sk-test-0123456789" not in record.read_bytes()


def test_an_overriding_run_is_told_with_its_overrides(project: Cli) -> None:
    _, _, recorded = run(options(project, overrides=Overrides(fields={"model": "other"})))

    assert recorded.run.overrides["fields"] == {"model": "other"}
