"""A run as JUnit XML: a test suite a spec, a test case a case.

The elements and attributes are those that the schema of the JUnit plugins of Jenkins knows; GitLab
and others read them, too.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final, TextIO

from msgspec import Struct

from promptrun.models import Verdict
from promptrun.reports.reading import cut, is_unsettled, write_answer, write_gist, write_reading
from promptrun.reports.replies import live_replies
from promptrun.reports.spool import Spool
from promptrun.reports.style import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.models import CaseResult
    from promptrun.reports.history import PastRun
    from promptrun.reports.report import Report

MAX_TEXT: Final = 20_000
"""Characters that are told of one case; so of its reply."""
MAX_TEXTS: Final = 10_000_000
"""Bytes of the cases after which only names are told: GitLab reads no report beyond 30 MB."""
MAX_NAME: Final = 1_000
"""Characters of a name or another attribute."""
LEFT_OUT: Final = "Left out here, since the report would grow too large; the html report has it."

_BEYOND_XML = re.compile("[\ufffe\uffff]")


class _Suite(Struct, kw_only=True):
    """What the head of a test suite says of its cases; its own, and no value that travels."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def add(self, result: CaseResult) -> None:
        self.tests += 1
        self.errors += result.verdict is Verdict.ERROR
        self.skipped += result.verdict is Verdict.SKIPPED
        self.failures += _is_failure(result)
        self.seconds += _seconds(result)


def write(report: Report, out: TextIO) -> None:
    """One pass over the cases; the suites stand in the order in which their first cases ended.

    A suite says how many cases it has before it tells them, and cases of several specs end in turn:
    what is told of them waits in a temporary file.
    """
    suites: dict[str, _Suite] = {}
    room = MAX_TEXTS
    with Spool() as spool:
        for result in report.results():
            suites.setdefault(result.spec, _Suite()).add(result)
            text = _write_case(result, full=room > 0)
            room -= len(text.encode())
            spool.add(result.spec, text)
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        out.write(f"<testsuites {_write_totals(report.run, suites)}>\n")
        properties = _write_properties(report.run)
        for spec, suite in suites.items():
            out.write(f"<testsuite {_write_head(spec, suite, report.run)}>\n{properties}")
            out.writelines(spool.read(spec))
            out.write("</testsuite>\n")
        out.write("</testsuites>\n")


def _write_totals(run: PastRun, suites: dict[str, _Suite]) -> str:
    every = suites.values()
    return _attributes(
        name="promptrun",
        tests=sum(one.tests for one in every),
        failures=sum(one.failures for one in every),
        errors=sum(one.errors for one in every),
        time=None if run.seconds is None else _time(run.seconds),
    )


def _write_head(spec: str, suite: _Suite, run: PastRun) -> str:
    return _attributes(
        name=spec,
        file=spec,
        tests=suite.tests,
        failures=suite.failures,
        errors=suite.errors,
        skipped=suite.skipped,
        time=_time(suite.seconds),
        timestamp=run.began[:19] if run.began else None,
    )


def _write_properties(run: PastRun) -> str:
    facts = {
        "run": run.id,
        "run.state": run.state,
        "run.targets": " ".join(run.targets),
        "run.providers": ", ".join(run.providers),
        "run.commit": run.commit,
        **{f"version.{name}": version for name, version in run.versions.items()},
        "run.requests": run.requests,
        "run.prompt_tokens": run.prompt_tokens,
        "run.completion_tokens": run.completion_tokens,
        "run.cost_usd": run.cost,
    }
    lines = [
        f"<property {_attributes(name=name, value=value)}/>\n"
        for name, value in facts.items()
        if value is not None
    ]
    return f"<properties>\n{''.join(lines)}</properties>\n"


def _write_case(result: CaseResult, *, full: bool) -> str:
    facts = _attributes(
        name=result.case, classname=_class_name(result.spec), time=_time(_seconds(result))
    )
    inner = "".join(_write_outcome(result, full=full))
    return f"<testcase {facts}>\n{inner}</testcase>\n" if inner else f"<testcase {facts}/>\n"


def _write_outcome(result: CaseResult, *, full: bool) -> Iterator[str]:
    """What is told of a case beyond its name; nothing where it is well."""
    if result.verdict is Verdict.SKIPPED:
        yield f"<skipped {_attributes(message=result.reason or write_gist(result))}/>\n"
        return
    if not is_unsettled(result):
        return
    element = "failure" if _is_failure(result) else "error"
    facts = _attributes(type=result.verdict.value, message=write_gist(result))
    text = write_reading(result, MAX_TEXT) if full else LEFT_OUT
    yield f"<{element} {facts}>{_clean(text)}</{element}>\n"
    if result.reply and full:
        yield f"<system-out>{_clean(write_answer(result, MAX_TEXT))}</system-out>\n"


def _is_failure(result: CaseResult) -> bool:
    return is_unsettled(result) and result.verdict is not Verdict.ERROR


def _seconds(result: CaseResult) -> float:
    """How long its replies took; nothing for one that was replayed."""
    return sum((one.timings.total for one in live_replies(result)), 0.0)


def _class_name(spec: str) -> str:
    """``specs.json_people``: what stands before the last dot is shown as the class's package."""
    return re.sub(r"\.ya?ml\Z", "", spec).replace("/", ".")


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _attributes(**values: Any) -> str:
    """Those that are known; each stays on one line, as a reader of XML would make it."""
    known = {name: str(value) for name, value in values.items() if value is not None}
    return " ".join(
        f'{name}="{_clean(cut(visible_line(value), MAX_NAME))}"' for name, value in known.items()
    )


def _clean(text: str) -> str:
    r"""Visible text, for an element or an attribute; what else XML cannot hold is ``\uffff``."""
    return escape(_BEYOND_XML.sub(lambda match: f"\\u{ord(match.group()):04x}", text))
