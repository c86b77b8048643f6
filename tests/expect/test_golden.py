"""Each `golden/KIND.yaml` holds replies to one kind of expectation and the text that each gets.

An example has `name`, `expect` (the rule as a spec states it: ``{contains: dragon, not: true}``),
`reply` (a text, a message, or a list of them, one a choice), and `text`: what a reader is told, or
``kept``. With `accepted` there is an accepted reply (a text, or ``samples``: a list of texts); with
`live` (`seconds`, `first`, `usage`, `model`) the reply is a live one; `judgement` (`score`,
`reason`, `failed`) is what a judge says of all that is asked; `files` lie in the spec's folder,
`allow_python` trusts them, `request` and `variables` are those of the case.

``PROMPTRUN_WRITE_GOLDEN=1 pytest tests/expect/test_golden.py`` writes the texts anew; read the
difference before you commit it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptrun.expect import FAMILIES, KINDS, Evidence, Judgement, judge, questions
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml
from promptrun.models import CompareRules, Digests, Expectation, Reply, Snapshot, Timings
from promptrun.reports.style import visible_line
from promptrun.reports.text import write_outcome
from promptrun.snapshots.record import record_reply

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.yaml"))
WRITES = os.environ.get("PROMPTRUN_WRITE_GOLDEN", "0") not in {"", "0"}
"""Read before the tests take such settings away."""

KEYS = {
    *("name", "expect", "reply", "text", "accepted", "live", "judgement"),
    *("files", "allow_python", "request", "variables"),
}


def read_examples(file: Path) -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = parse_yaml(Source(file.name, file.read_text("utf-8")))
    return examples


def write_text(example: dict[str, Any], folder: Path) -> str:
    """What a reader of the report is told."""
    unknown = example.keys() - KEYS
    assert not unknown, f"{example['name']}: {unknown} mean nothing"
    expectation = read_rule(example["expect"])
    evidence = read_evidence(example, folder)
    said = example.get("judgement")
    if said is not None:
        asked = questions([expectation], evidence)
        assert asked, f"{example['name']}: nobody is asked, and there is a judgement"
        judgements = {question.key: Judgement(**said) for question in asked}
        evidence = read_evidence(example, folder, judgements)
    outcomes = judge([expectation], evidence)
    lines = [write_outcome(outcome) for outcome in outcomes if not outcome.kept]
    for outcome in outcomes:
        if outcome.kept and outcome.not_judged is not None:
            lines.append(f"{outcome.kind}: not judged, {outcome.not_judged}")
        elif outcome.kept:
            lines += ["kept", *(f"note: {visible_line(detail)}" for detail in outcome.details)]
    return "\n".join(lines)


def read_rule(rule: dict[str, Any]) -> Expectation:
    rule = dict(rule)
    negated, on = rule.pop("not", False), rule.pop("on", "all")
    [(kind, argument)] = rule.items()
    assert KINDS[kind](argument, ("expect", 0, kind)) == []
    return Expectation(kind=kind, argument=argument, negated=negated, on=on)


def read_evidence(
    example: dict[str, Any], folder: Path, judgements: dict[str, Judgement] | None = None
) -> Evidence:
    for name, text in example.get("files", {}).items():
        (folder / name).write_text(text, "utf-8")
    live = example.get("live", {})
    raw = raw_reply(example["reply"]) | {
        key: live[key] for key in ("usage", "model") if key in live
    }
    first = live.get("first")
    return Evidence(
        snapshot=record(raw),
        reply=Reply(
            raw=raw,
            timings=Timings(total=live.get("seconds", 1.0), first_piece=first),
            streamed=first is not None,
        )
        if "live" in example
        else None,
        accepted=read_accepted(example.get("accepted")),
        request=example.get("request", {}),
        variables=example.get("variables", {}),
        root=folder,
        folder=folder,
        allow_python=example.get("allow_python", False),
        judgements=judgements or {},
    )


def read_accepted(accepted: Any) -> Snapshot | None:
    if accepted is None:
        return None
    if not isinstance(accepted, dict) or "samples" not in accepted:
        return record(raw_reply(accepted))
    samples = [record(raw_reply(one)).reply["choices"] for one in accepted["samples"]]
    return snapshot_of({"samples": [{"count": 1, "choices": choices} for choices in samples]})


def raw_reply(reply: Any) -> dict[str, Any]:
    replies = reply if isinstance(reply, list) else [reply]
    return {
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": index,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                "message": message,
            }
            | finish
            for index, one in enumerate(replies)
            for message, finish in [split_message(one)]
        ],
    }


def split_message(reply: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A message, and how the choice ended where the example says it."""
    message = dict(reply) if isinstance(reply, dict) else {"content": reply}
    ended = {"finish_reason": message.pop("finish_reason")} if "finish_reason" in message else {}
    return {"role": "assistant", **message}, ended


def record(raw: dict[str, Any]) -> Snapshot:
    return snapshot_of(record_reply(raw, CompareRules()))


def snapshot_of(reply: dict[str, Any]) -> Snapshot:
    digests = Digests(prompt="p", settings="s", model="m")
    return Snapshot(spec="specs/a.yaml", case="default", digests=digests, request=None, reply=reply)


def write_golden(file: Path) -> None:
    examples = read_examples(file)
    for example in examples:
        with tempfile.TemporaryDirectory() as folder:
            example["text"] = write_text(example, Path(folder))
        example["expect"] = OneLine(example["expect"])
    text = "\n".join(
        yaml.dump([one], Dumper=Dumper, allow_unicode=True, sort_keys=False, width=100)
        for one in examples
    )
    file.write_text(text, "utf-8", newline="\n")


class OneLine(dict[str, Any]):
    """A mapping that stands on one line."""


class Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and a rule on one line."""


Dumper.add_representer(
    OneLine,
    lambda dumper, rule: dumper.represent_mapping(
        "tag:yaml.org,2002:map", dict(rule), flow_style=True
    ),
)
Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)

if WRITES:
    for golden in FILES:
        write_golden(golden)

EXAMPLES = [
    pytest.param(example, id=f"{file.stem}: {example['name']}")
    for file in FILES
    for example in read_examples(file)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_reply_gets_its_text(example: dict[str, Any], tmp_path: Path) -> None:
    assert write_text(example, tmp_path) == example["text"].removesuffix("\n")


def test_every_kind_has_its_examples() -> None:
    assert {file.stem for file in FILES} == FAMILIES.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_kind_has_a_kept_and_a_broken_example_and_one_in_korean(file: Path) -> None:
    examples = read_examples(file)
    kinds = {next(iter(example["expect"])) for example in examples}
    texts = [example["text"] for example in examples]

    assert kinds == {file.stem}
    assert "kept" in texts
    assert any("broken: " in text for text in texts)
    assert any("가" <= letter <= "힣" for example in examples for letter in str(example))


def test_names_of_examples_are_unique() -> None:
    names = [example.id for example in EXAMPLES]
    assert len(set(names)) == len(names)
