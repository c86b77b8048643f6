"""expect, compare and samples: how they are read, and what lies over what."""

from __future__ import annotations

import pytest

from promptrun.models import CompareRules, FileRef, Overrides, Replacement, SampleRules
from promptrun.spec import expand
from tests.spec.conftest import Project


def test_a_rule_says_beside_itself_how_it_is_meant(project: Project) -> None:
    text = "expect:\n  - contains: 용\n    not: true\n    on: any\n    at_least: 0.9\n"
    [rule] = project.add(text).expect
    assert (rule.kind, rule.argument) == ("contains", "용")
    assert (rule.negated, rule.on, rule.at_least) == (True, "any", 0.9)
    assert not rule.is_open


def test_a_rule_alone_means_every_choice(project: Project) -> None:
    [rule] = project.add("expect: [{contains: 용}]\n").expect
    assert (rule.negated, rule.on, rule.at_least) == (False, "all", None)


def test_a_rule_with_a_template_is_checked_when_it_is_filled_in(project: Project) -> None:
    # The check of this loader refuses all but texts; a list with a template is no mistake yet.
    [rule] = project.add("expect: [{contains: ['{{ word }}']}]\n").expect
    assert rule.is_open


@pytest.mark.parametrize(
    ("argument", "key"),
    [("{file: a.txt}", None), ("{to: {file: a.txt}}", "to"), ("{rubric: {file: a.txt}}", "rubric")],
)
def test_a_rule_may_take_its_text_from_a_file(
    project: Project, argument: str, key: str | None
) -> None:
    [rule] = project.add(f"expect: [{{contains: {argument}}}]\n").expect
    found = rule.argument if key is None else rule.argument[key]
    assert isinstance(found, FileRef)
    assert (found.name, found.folder) == ("a.txt", project.root / "specs")


def test_what_looks_like_a_file_deeper_inside_is_a_value(project: Project) -> None:
    text = "expect: [{finish_reason: {equals: {file: a.txt}}}]\n"
    [error] = project.added_errors(text)
    assert error.message == "it must be text"


def test_a_rule_of_the_defaults_takes_its_files_from_the_root(project: Project) -> None:
    defaults = {"expect": [{"contains": {"file": "a.txt"}}]}
    [rule] = project.add("", defaults=defaults).expect
    assert rule.argument.folder == project.root


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ("{pattern: '\\d+', with: N}", (Replacement(pattern=r"\d+", text="N"),)),
        (
            "[{pattern: a, with: b}, {pattern: b, with: ''}]",
            (Replacement(pattern="a", text="b"), Replacement(pattern="b", text="")),
        ),
    ],
    ids=["one", "several, in their order"],
)
def test_replacements_are_read(
    project: Project, written: str, rules: tuple[Replacement, ...]
) -> None:
    spec = project.add(f"compare: {{mode: none, replace: {written}}}\n")
    assert spec.compare == CompareRules(mode="none", replace=rules)


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ("10", SampleRules(count=10)),
        ("{count: 5, alpha: 0.01}", SampleRules(count=5, alpha=0.01)),
    ],
)
def test_samples_are_a_number_or_a_mapping(
    project: Project, written: str, rules: SampleRules
) -> None:
    assert project.add(f"samples: {written}\n").samples == rules


def test_samples_of_a_case_lie_over_those_of_the_spec_and_these_over_the_defaults(
    project: Project,
) -> None:
    text = "samples: 5\ncases:\n  - name: a\n  - {name: b, samples: {count: 7, alpha: 0.1}}\n"
    spec = project.add(text, defaults={"samples": {"count": 3, "alpha": 0.02}})
    found = {case.name: case.samples for case in expand(spec)}  # type: ignore[union-attr] # no bad rows
    assert found == {
        "a": SampleRules(count=5, alpha=0.02),
        "b": SampleRules(count=7, alpha=0.1),
    }
    [first, _] = expand(spec, Overrides(samples=1))
    assert first.samples == SampleRules(count=1, alpha=0.02)  # type: ignore[union-attr] # as above


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("expect: [{max_latency: a, on: first}]", "`on` means nothing for `max_latency`"),
        ("expect: [{contains: a, on: some}]", "`on` cannot be `some`"),
        ("expect: [{contains: a, not: 'no'}]", "`not` must be true or false"),
        ("expect: [{contains: a, at_least: 0}]", "`at_least` must be a share above 0"),
        ("expect: [{contains: a, finish_reason: b}]", "must be a mapping with one rule"),
        ("expect: [{not: true}]", "must be a mapping with one rule"),
        ("expect: [{not: {contains: a}}]", "must be a mapping with one rule"),
        ("compare: {replace: {pattern: a}}", "`with` is missing"),
        ("compare: {replace: {pattern: '(', with: b}}", "`(` cannot be replaced: it is none"),
        ("compare: {replace: [{pattern: '', with: b}]}", "`pattern` must not be empty"),
        ("samples: 1001", "`samples` must be a whole number between 1 and 1000"),
        ("samples: 2.5", "`samples` must be a whole number between 1 and 1000"),
        ("samples: true", "`samples` must be a whole number between 1 and 1000"),
        ("samples: {count: 10, alpha: 0}", "`alpha` must be a number above 0 and at most 0.5"),
        ("samples: {count: 10, alpha: 0.6}", "`alpha` must be a number above 0 and at most 0.5"),
        ("cases: [{name: a, samples: 0}]", "`samples` must be a whole number between 1 and 1000"),
    ],
)
def test_a_mistake_in_a_rule_is_told(project: Project, text: str, message: str) -> None:
    assert message in project.added_errors(f"{text}\n")[0].message
