from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrun.models import CaseResult, Comparison, Difference, Verdict
from promptrun.reports.markdown import MAX_SIZE
from tests.reports.golden_file import write_text
from tests.reports.markdown_reader import outside_of_fences
from tests.reports.report_example import HOSTILE, Example, example, many, reply_of, run_of

SUMMARY = re.compile(
    r"<details><summary><b>[a-z]+</b>(?: <code>[^<>]*</code>){1,2}</summary>", re.ASCII
)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=())) | st.just(HOSTILE)


def _one(**fields: Any) -> CaseResult:
    known: dict[str, Any] = {
        "spec": "specs/a.yaml",
        "case": "default",
        "verdict": Verdict.FAILED,
        "provider": "openai",
    }
    return CaseResult(**known | fields)


def _report_of(*results: CaseResult) -> Example:
    return Example(run=run_of(iter(results)), cases=lambda: iter(results))


def _check(text: str) -> None:
    """Every line outside of a fence is one that the report itself writes."""
    ours = {"", "</details>", "the request moved", "the reply differs", "the reply"}
    head, *lines = outside_of_fences(text)
    assert head.startswith("## promptrun: ")
    for line in lines:
        if line in ours or SUMMARY.fullmatch(line):
            continue
        assert re.match(r"\| [a-z]|\| ?[\d-]|run `|\*\*\d", line), line


def test_what_needs_reading_comes_worst_first_and_the_rest_is_counted() -> None:
    text = write_text("markdown", example())

    assert text.startswith("## promptrun: 9 of 14 cases need reading\n")
    told = re.findall(r"<summary><b>(\w+)</b>", text)
    assert told == ["failed"] * 2 + ["changed"] * 4 + ["missing"] + ["error"] * 2
    assert "specs/summary.yaml::tale" not in text
    _check(text)


def test_a_run_in_which_all_is_well_says_so_and_folds_nothing() -> None:
    text = write_text("markdown", _report_of(_one(verdict=Verdict.PASSED)))

    assert text.startswith("## promptrun: 1 case\n")
    assert "| passed |" in text
    assert "<details>" not in text
    assert "promptrun review" not in text


def test_a_change_that_the_run_accepted_is_only_counted() -> None:
    text = write_text("markdown", _report_of(_one(verdict=Verdict.CHANGED, written=True)))

    assert "| changed |" in text
    assert "<details>" not in text


def test_a_difference_is_a_diff_with_its_signs_in_the_first_column() -> None:
    text = write_text("markdown", example())

    assert "```diff\n@@ choice 1 @@\n- I am sorry to hear that." in text
    assert "\n+ No. Go away.\n```" in text
    assert '\n! $.people[1]: "할머니" → "용"\n+ $.note: "새로운 이야기"\n```' in text
    assert "\n! temperature: 0.7 → 0\n" in text


def test_a_run_that_was_stopped_says_so() -> None:
    run = run_of(example().results(), state="stopped")

    assert "**stopped**" in write_text("markdown", Example(run=run, cases=example().results))


def test_the_next_commands_are_quoted_for_a_shell() -> None:
    targets = ("specs/a b.yaml::$(rm)",)
    run = run_of(example().results(), targets=targets)

    text = write_text("markdown", Example(run=run, cases=example().results))

    assert "\npromptrun review 'specs/a b.yaml::$(rm)'\n" in text


@pytest.mark.parametrize("count", [100, 2_000])
def test_a_report_fits_into_a_comment_and_counts_what_is_left_out(count: int) -> None:
    text = write_text("markdown", many(count * 10))

    shown = text.count("<details>")
    assert len(text) <= MAX_SIZE
    assert shown > 50
    if shown < count:
        left = f"{count - shown:,}"
        assert f"**{left} more cases are left out here**: {left} changed." in text
    _check(text)


@pytest.mark.parametrize("text", ["`" * 100_000, "~`" * 50_000, "한국어\n" * 50_000, "가" * 10**6])
def test_no_case_alone_fills_a_report(text: str) -> None:
    results = [
        _one(
            case=text,
            reason=text,
            reply=reply_of(text),
            comparison=Comparison(
                request=(Difference(where=text, old="a", new=text),),
                reply=(Difference(where=text, old=None, new=text),),
            ),
        )
        for _ in range(5)
    ]

    told = write_text("markdown", _report_of(*results))

    assert len(told) <= MAX_SIZE
    assert told.count("<details>") >= 2
    _check(told)


@given(text=ANY_TEXT)
def test_no_text_gets_out_of_its_fence_or_its_code(text: str) -> None:
    result = _one(
        spec=f"specs/{text}",
        case=text,
        reason=text,
        reply=reply_of(text),
        comparison=Comparison(
            request=(Difference(where=f"a{text}", old=f"b{text}", new=text),), warnings=(text,)
        ),
    )
    run = run_of(iter([result]), providers=(text,), commit=text, id=text or "a", targets=(text,))

    told = write_text("markdown", Example(run=run, cases=lambda: iter([result])))

    told.encode()
    _check(told)


@given(text=ANY_TEXT)
def test_a_span_of_code_holds_its_text(text: str) -> None:
    run = run_of(iter(()), providers=(text,), commit=None)

    told = write_text("markdown", Example(run=run, cases=lambda: iter(())))

    [line] = [line for line in told.split("\n") if line.startswith("run `")]
    rest = line.split(" · ", 1)[1]
    sign = re.match("`+", rest)
    assert sign is not None
    # A span ends at the first run of exactly as many signs; nothing of the text is behind it.
    runs = [one for one in re.finditer("`+", rest) if len(one[0]) == len(sign[0])]
    assert runs[1].end() == len(rest)
