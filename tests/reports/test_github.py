"""Annotations, decoded as the runner of GitHub Actions decodes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrun.errors import Location
from promptrun.models import CaseResult, Verdict, Warned
from promptrun.reports.github import MAX_MESSAGE, MOST
from tests.reports.golden_file import write_text
from tests.reports.report_example import HOSTILE, Example, example, many, run_of

if TYPE_CHECKING:
    from promptrun.reports.report import Report

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=())) | st.just(HOSTILE)
COMMAND = re.compile(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)")


def _decode(text: str, *signs: str) -> str:
    for sign in (*signs, "\r", "\n", "%"):
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text


def read(report: Report) -> list[dict[str, str]]:
    """Each command: `kind`, `message`, and its properties."""
    text = write_text("github", report)
    text.encode()
    commands = []
    # The runner reads lines as .NET does: all three ends of a line end one.
    for line in re.split("\r\n|\r|\n", text.removesuffix("\n")) if text else ():
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = dict(one.split("=", 1) for one in match[2].split(","))
        found = {name: _decode(value, ":", ",") for name, value in pairs.items()}
        commands.append({"kind": match[1], "message": _decode(match[3]), **found})
    return commands


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


def test_what_needs_reading_is_an_error_at_the_line_of_the_spec() -> None:
    first, *_ = read(example())

    assert first["kind"] == "error"
    assert (first["file"], first["line"], first["col"]) == ("specs/polite.yaml", "14", "5")
    assert first["title"] == "failed: finish_reason, judge, regex: specs/polite.yaml::refund"
    assert "broken: judge\n  expected: is the answer polite?" in first["message"]


def test_the_worst_come_first_and_warnings_after_them() -> None:
    told = [(one["kind"], re.split(r"\W", one["title"])[0]) for one in read(example())]

    errors = ["failed"] * 2 + ["changed"] * 4 + ["missing"] + ["error"] * 2
    assert told == [
        *(("error", one) for one in errors),
        ("warning", "warning"),
        ("notice", "promptrun"),
    ]


def test_a_path_with_signs_of_its_own_comes_through() -> None:
    [one] = [one for one in read(example()) if "hostile" in one.get("file", "")]

    assert one["file"] == "specs/hostile|<b>,a:b%.yaml"


def test_no_more_is_told_than_is_shown_and_the_rest_is_counted() -> None:
    warned = tuple(
        Warned(message=f"odd {number}", location=Location("a.yaml", number + 1))
        for number in range(25)
    )
    report = Example(
        run=run_of(many(300).results()),
        cases=lambda: iter([*many(300).results(), _one(verdict=Verdict.PASSED, warnings=warned)]),
    )

    told = read(report)

    assert [one["kind"] for one in told] == ["error"] * MOST + ["warning"] * MOST + ["notice"]
    assert told[-1]["message"].startswith("20 more cases to be read, 15 more warnings\n")
    assert "promptrun report 20261125T193529-f1c3 html=report.html" in told[-1]["message"]


def test_a_warning_that_all_cases_have_is_told_once() -> None:
    warning = Warned(message="odd", location=Location("a.yaml", 3), hint="mend it")
    cases = [_one(case=f"{at}", verdict=Verdict.PASSED, warnings=(warning,)) for at in range(30)]

    first, last = read(_report_of(*cases))

    assert (first["kind"], first["message"], first["line"]) == (
        "warning",
        "odd\nhint: mend it",
        "3",
    )
    assert last["message"].startswith("29 more warnings\n")


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.SKIPPED])
def test_what_is_well_is_not_told(verdict: Verdict) -> None:
    assert read(_report_of(_one(verdict=verdict))) == []


def test_new_snapshots_are_counted_in_a_notice() -> None:
    [one] = read(_report_of(*(_one(case=f"{at}", verdict=Verdict.NEW) for at in range(12))))

    assert one["kind"] == "notice"
    assert one["message"].startswith("12 new snapshots\n")


def test_a_change_that_the_run_accepted_is_not_told() -> None:
    assert read(_report_of(_one(verdict=Verdict.CHANGED, written=True))) == []


def test_a_message_is_bounded() -> None:
    [one] = read(_report_of(_one(reason="가나다 " * 10_000)))

    assert len(one["message"]) < MAX_MESSAGE + 100
    assert "more characters" in one["message"]


@given(text=ANY_TEXT)
def test_no_text_ends_its_line_or_its_part(text: str) -> None:
    result = _one(
        spec=text,
        case=text,
        reason=text,
        location=Location(text, 3, 2, text),
        warnings=(Warned(message=text, location=Location(text, 1), hint=text),),
    )

    told = read(_report_of(result))

    assert [one["kind"] for one in told] == ["error", "warning"]
    for one in told:
        assert set(one) == {"kind", "message", "file", "line", "col", "title"}


@given(text=st.text(st.sampled_from("%0ADd25:,\n가")))
def test_what_is_encoded_is_decoded_again(text: str) -> None:
    warning = Warned(message=text, location=Location(f"a{text}", 1))

    [one] = read(_report_of(_one(verdict=Verdict.PASSED, warnings=(warning,))))

    assert one["message"] == text
    assert one["file"] == f"a{text}".replace("\n", r"\n")
