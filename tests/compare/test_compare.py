from __future__ import annotations

import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from promptrun.compare import compare
from promptrun.compare.whole import MODES
from promptrun.models import Cause, CompareRules
from tests.compare.snapshots import choice, said, snapshot

TEXT = CompareRules(mode="text")


def request(text: str = "Hi", model: str = "m", **parameters: object) -> dict[str, object]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "parameters": parameters,
    }


def test_every_mode_of_the_rules_has_its_row() -> None:
    assert set(MODES) == set(get_args(get_type_hints(CompareRules)["mode"]))


def test_importing_loads_nothing_heavy() -> None:
    heavy = ["deepdiff", "jsonpath_rfc9535", "rapidfuzz", "difflib", "decimal", "asyncio", "regex"]
    code = (
        "import sys, msgspec; before = set(sys.modules)\n"
        "import promptrun.compare.whole, promptrun.expect, promptrun.reports.differences\n"
        f"print([name for name in {heavy} if name in set(sys.modules) - before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_same_is_equal_and_says_nothing() -> None:
    comparison = compare(said("Hello"), said("Hello"), CompareRules())
    assert comparison.equal
    assert (comparison.request, comparison.reply, comparison.notes) == ((), (), ())


def test_another_reply_alone_has_the_cause_reply() -> None:
    comparison = compare(said("Hello"), said("Bye"), TEXT)
    assert comparison.causes == (Cause.REPLY,)
    assert [(one.where, one.old, one.new) for one in comparison.reply] == [
        ("choice 1", "Hello", "Bye")
    ]


def test_a_moved_request_is_changed_even_with_an_equal_reply() -> None:
    old = snapshot(choice(content="a"), request=request("Hi"))
    new = snapshot(choice(content="a"), request=request("Hello"))
    comparison = compare(old, new, TEXT)
    assert comparison.causes == (Cause.PROMPT,)
    assert comparison.reply == ()


def test_all_that_moved_is_named_and_the_prompt_leads() -> None:
    old = snapshot(choice(content="a"), request=request("Hi", temperature=0))
    new = snapshot(choice(content="b"), request=request("Hello", "n", temperature=1))
    comparison = compare(old, new, TEXT)
    assert comparison.causes == (Cause.PROMPT, Cause.SETTINGS, Cause.MODEL, Cause.REPLY)


@pytest.mark.parametrize(
    ("served", "fingerprint"),
    [
        pytest.param("m-2026-02-02", "fp_1", id="another model"),
        pytest.param("m-2026-01-01", "fp_2", id="another fingerprint"),
    ],
)
class TestAnotherModelAnswered:
    def test_with_another_reply_it_is_a_cause_and_is_shown(
        self, served: str, fingerprint: str
    ) -> None:
        old = snapshot(choice(content="a"), fingerprint="fp_1")
        new = snapshot(choice(content="b"), served=served, fingerprint=fingerprint)
        comparison = compare(old, new, TEXT)
        assert comparison.causes == (Cause.MODEL, Cause.REPLY)
        assert comparison.reply[0].new in {"m-2026-02-02", "fp_2"}
        assert comparison.notes == ()

    def test_with_an_equal_reply_it_is_only_a_note(self, served: str, fingerprint: str) -> None:
        old = snapshot(choice(content="a"), fingerprint="fp_1")
        new = snapshot(choice(content="a"), served=served, fingerprint=fingerprint)
        comparison = compare(old, new, TEXT)
        assert comparison.equal
        assert comparison.notes in (
            ("served model: m-2026-01-01 → m-2026-02-02",),
            ("system_fingerprint: fp_1 → fp_2",),
        )


def test_a_server_that_stops_telling_its_fingerprint_is_no_cause() -> None:
    old = snapshot(choice(content="a"), fingerprint="fp_1")
    comparison = compare(old, snapshot(choice(content="b")), TEXT)
    assert comparison.causes == (Cause.REPLY,)


def test_asking_for_another_model_explains_that_another_one_answered() -> None:
    old = snapshot(choice(content="a"), request=request(model="m"), served="m-1")
    new = snapshot(choice(content="a"), request=request(model="n"), served="n-1")
    comparison = compare(old, new, TEXT)
    assert comparison.causes == (Cause.MODEL,)
    assert [(one.where, one.old, one.new) for one in comparison.request] == [("model", "m", "n")]
    assert comparison.notes == ()
