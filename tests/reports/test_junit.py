"""JUnit XML, held against what the schema of Jenkins' JUnit plugins says of each element."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from promptrun.models import CaseResult, Failure, Verdict
from promptrun.reports.junit import LEFT_OUT, MAX_TEXT, MAX_TEXTS
from promptrun.reports.spool import Spool
from tests.reports.golden_file import write_text
from tests.reports.report_example import HOSTILE, Example, example, many, reply_of, run_of


class Element(Struct, frozen=True, kw_only=True):
    """What may stand in an element."""

    children: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    text: bool = False


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


WHY = Element(optional=_names("type message"), text=True)
ELEMENTS = {
    "testsuites": Element(
        children=_names("testsuite"), optional=_names("name time tests failures errors")
    ),
    "testsuite": Element(
        children=_names("testsuite properties testcase system-out system-err"),
        required=_names("name tests failures errors"),
        optional=_names("group time skipped timestamp hostname id package file log url"),
    ),
    "properties": Element(children=_names("property")),
    "property": Element(required=_names("name value")),
    "testcase": Element(
        children=_names("skipped error failure system-out system-err"),
        required=_names("name"),
        optional=_names("time classname group"),
    ),
    "failure": WHY,
    "error": WHY,
    "skipped": WHY,
    "system-out": Element(text=True),
    "system-err": Element(text=True),
}
COUNTS = ("tests", "failures", "errors", "skipped")
TIME = re.compile(r"\d+\.\d{3}")


def _check(element: ET.Element) -> None:
    known, names = ELEMENTS[element.tag], set(element.attrib)
    assert known.required <= names <= known.required | known.optional, element.attrib
    assert {child.tag for child in element} <= known.children, element.tag
    assert known.text or not (element.text or "").strip(), element.text
    assert not (element.tail or "").strip(), element.tail
    for name in COUNTS:
        assert element.get(name, "0").isdecimal()
    assert TIME.fullmatch(element.get("time", "0.000"))
    for child in element:
        _check(child)


def read(report: Any) -> ET.Element:
    """The report, parsed and checked."""
    text = write_text("junit", report)
    root = ET.fromstring(text.encode())  # noqa: S314 - our own text, with no declarations
    assert root.tag == "testsuites"
    _check(root)
    return root


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


@pytest.mark.parametrize(
    "wrong",
    [
        "<testsuites><testsuite name='a' tests='1' failures='0'/></testsuites>",
        "<testsuites><testcase name='a'/></testsuites>",
        "<testsuites colour='red'/>",
        "<testsuites>text</testsuites>",
        "<testsuites time='1,5'/>",
    ],
    ids=["a count is missing", "no suite", "a strange attribute", "a text", "a strange time"],
)
def test_the_check_finds_what_is_no_report(wrong: str) -> None:
    with pytest.raises(AssertionError):
        _check(ET.fromstring(wrong))  # noqa: S314 - written above


def test_a_spec_is_a_suite_and_its_cases_stand_in_it() -> None:
    wanted: dict[str, list[str]] = {}
    for result in example().results():
        wanted.setdefault(result.spec, []).append(result.case)

    suites = read(example()).findall("testsuite")

    found = {
        suite.get("name"): [one.get("name") for one in suite.iter("testcase")] for suite in suites
    }
    assert found == wanted
    assert [suite.get("name") for suite in suites] == list(wanted)


def test_the_counts_are_those_of_the_elements() -> None:
    root = read(example())

    for suite in root:
        counted = [len(suite.findall("testcase"))]
        counted += [
            len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "error", "skipped")
        ]
        assert [int(suite.attrib[name]) for name in COUNTS] == counted
    for name in COUNTS[:3]:
        assert int(root.attrib[name]) == sum(int(suite.attrib[name]) for suite in root)


@pytest.mark.parametrize(
    ("verdict", "tag"),
    [
        (Verdict.FAILED, "failure"),
        (Verdict.CHANGED, "failure"),
        (Verdict.MISSING, "failure"),
        (Verdict.ERROR, "error"),
        (Verdict.SKIPPED, "skipped"),
        (Verdict.NEW, None),
        (Verdict.PASSED, None),
    ],
)
def test_a_verdict_has_its_element(verdict: Verdict, tag: str | None) -> None:
    [case] = read(_report_of(_one(verdict=verdict, reason="why"))).iter("testcase")

    told = {child.tag: child.get("type", "skipped") for child in case}
    assert told == ({tag: verdict.value} if tag else {})


def test_a_change_that_the_run_accepted_is_no_failure() -> None:
    root = read(_report_of(_one(verdict=Verdict.CHANGED, written=True)))

    assert root.get("failures") == "0"
    assert root.find(".//failure") is None


def test_a_failure_tells_what_a_terminal_tells_and_the_reply() -> None:
    [case] = [one for one in read(example()).iter("testcase") if one.get("name") == "refund"]
    failure, said = case

    assert failure.get("message") == "failed: finish_reason, judge, regex"
    assert "  expected: is the answer polite?" in (failure.text or "")
    assert said.text == "No. Go away."


def test_text_of_a_reply_is_text_and_what_xml_cannot_hold_is_shown() -> None:
    [case] = [one for one in read(example()).iter("testcase") if "@team" in one.get("name", "")]

    text = case[1].text or ""
    assert "</script><script>alert(1)</script>" in text
    assert r"\x1b[31mred\x00\x07 \u202eevil" in text
    assert r"\ud800 \ufffe\uffff 한국어" in text


def test_a_text_is_bounded_and_says_what_is_left_out() -> None:
    reply = reply_of("가나다라 " * MAX_TEXT)

    [case] = read(_report_of(_one(reply=reply, reason="x" * 10 * MAX_TEXT))).iter("testcase")

    for child in case:
        assert len(child.text or "") < MAX_TEXT + 100
        assert re.search(r"…[\d,]+ more characters|⋮ [\d,]+ more line", child.text or "")


def test_a_report_stays_below_what_gitlab_reads() -> None:
    def cases() -> Any:
        for number in range(1_500):
            yield _one(case=f"{number}", reply=reply_of("가나다라\n" * 8_000))

    text = write_text("junit", Example(run=run_of(iter(())), cases=cases))

    assert MAX_TEXTS < len(text.encode()) < 30_000_000 * 0.5
    assert text.count("<failure") == 1_500
    assert LEFT_OUT in text


def test_the_time_of_a_case_is_that_of_its_replies_and_none_for_a_replay() -> None:
    replies = (reply_of("a", seconds=0.5), reply_of("b", seconds=0.25))
    report = _report_of(
        _one(case="set", reply=replies[0], replies=replies),
        _one(case="one", reply=replies[0]),
        _one(case="replay", reply=replies[0], replayed=True),
        _one(case="none"),
    )

    times = {one.get("name"): one.get("time") for one in read(report).iter("testcase")}
    assert times == {"set": "0.750", "one": "0.500", "replay": "0.000", "none": "0.000"}


@given(text=st.text(st.characters(codec=None, exclude_categories=())) | st.just(HOSTILE))
def test_any_text_makes_xml(text: str) -> None:
    result = _one(
        spec=f"specs/{text}",
        case=text,
        reason=text,
        reply=reply_of(text, refusal=text),
        failure=Failure(kind="status", message=text, code=text, hint=text),
    )

    suites = list(read(_report_of(result, _one(case=text, verdict=Verdict.SKIPPED, reason=text))))

    assert sum(len(suite.findall("testcase")) for suite in suites) == 2


def test_cases_of_specs_in_turn_keep_their_order() -> None:
    root = read(many(1_000))

    assert len(root) == 100
    for suite in root:
        names = [one.get("name", "") for one in suite.iter("testcase")]
        assert len(names) == 10
        assert names == sorted(names)


@given(added=st.lists(st.tuples(st.sampled_from("abc"), st.text())))
def test_a_spool_gives_each_group_as_it_was_added(added: list[tuple[str, str]]) -> None:
    with Spool() as spool:
        for group, text in added:
            spool.add(group, text)

        for group in "abc":
            assert list(spool.read(group)) == [text for own, text in added if own == group]
