"""Each file of `golden/` holds examples of one mode or rule, and the whole text that each gets.

An example is `compare:` as in a spec, two replies, and what a report says of them. A reply is its
text, or a mapping of what matters in it (see `_reply`). ``PROMPTRUN_WRITE_GOLDEN=1 pytest
tests/compare/test_golden.py`` writes the texts anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
import yaml

from promptrun.compare import compare
from promptrun.models import CaseResult, CompareRules, Comparison, Snapshot, Verdict
from promptrun.reports.style import Style
from promptrun.reports.text import write_details
from promptrun.snapshots.record import record_reply
from tests.compare.snapshots import snapshot

FOLDER = Path(__file__).parent / "golden"
WRITE = os.environ.get("PROMPTRUN_WRITE_GOLDEN") == "1"


def _read(name: str) -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return examples


NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
EXAMPLES = [
    pytest.param(name, position, id=f"{name}: {example['name']}")
    for name in NAMES
    for position, example in enumerate(_read(name))
]


@pytest.mark.parametrize(("name", "position"), EXAMPLES)
def test_a_comparison_gets_its_text(name: str, position: int) -> None:
    examples = _read(name)
    example = examples[position]
    assert example.keys() - {"text"} == {"name", "compare", "accepted", "new"}
    rules = _rules(**example["compare"])
    comparison = compare(_reply(example["accepted"], rules), _reply(example["new"], rules), rules)
    text = _write(comparison)
    if WRITE:
        example["text"] = text
        _dump(name, examples)
    assert text == example["text"]


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_shown_where_it_passes_and_where_it_does_not_and_in_korean(name: str) -> None:
    verdicts = {example["text"].split()[0] for example in _read(name)}
    assert verdicts == {"passed", "changed"}
    assert re.search("[가-힣]", (FOLDER / f"{name}.yaml").read_text("utf-8"))


def test_every_mode_and_every_rule_has_its_examples() -> None:
    hints = get_type_hints(CompareRules)
    assert set(NAMES) == {*get_args(hints["mode"]), *hints} - {"mode"}


def _rules(replace: Any = (), **others: Any) -> CompareRules:
    listed = [replace] if isinstance(replace, dict) else replace
    replacements = [{"pattern": one["pattern"], "text": one["with"]} for one in listed]
    return msgspec.convert({"replace": replacements, **others}, CompareRules)


def _reply(reply: Any, rules: CompareRules) -> Snapshot:
    """A snapshot of what was answered, recorded as a run records it.

    Of a mapping, `choices` are texts or wire messages, and `finish_reason`, `model` and
    `fingerprint` are those of the reply; `asked` is the prompt.
    """
    if isinstance(reply, str):
        reply = {"choices": [reply]}
    assert reply.keys() <= {"choices", "finish_reason", "model", "fingerprint", "asked"}
    choices = [
        {
            "finish_reason": reply.get("finish_reason", "stop"),
            "message": {"content": one} if isinstance(one, str) else one,
        }
        for one in reply["choices"]
    ]
    recorded = record_reply({"choices": choices}, rules)["choices"]
    asked = {"role": "user", "content": reply.get("asked", "Hi")}
    return snapshot(
        *recorded,
        request={"model": "m", "messages": [asked]},
        served=reply.get("model", "m-2026-01-01"),
        fingerprint=reply.get("fingerprint"),
    )


def _write(comparison: Comparison) -> str:
    result = CaseResult(
        spec="specs/a.yaml",
        case="default",
        verdict=Verdict.PASSED if comparison.equal else Verdict.CHANGED,
        provider="openai",
        comparison=comparison,
    )
    causes = f" ({', '.join(comparison.causes)})" if comparison.causes else ""
    return "\n".join([f"{result.verdict}{causes}", *write_details(result, Style())])


class _Dumper(yaml.SafeDumper):
    pass


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)


def _dump(name: str, examples: list[dict[str, Any]]) -> None:
    # Examples are separated by an empty line, as people write them.
    written = [
        yaml.dump([one], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000)
        for one in examples
    ]
    (FOLDER / f"{name}.yaml").write_text("\n".join(written), "utf-8", newline="\n")
