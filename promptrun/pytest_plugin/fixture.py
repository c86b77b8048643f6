"""The fixture `promptrun`: cases of specs, sent from tests in Python."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from promptrun.errors import PromptrunError, StoppedError, UsageError
from promptrun.files.json import parse
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.events import Stopped
from promptrun.pipeline.plan import make_plan
from promptrun.pipeline.run import run_plan
from promptrun.pytest_plugin.asking import call_apart, make_options
from promptrun.pytest_plugin.settled import STYLE, holds, settle_result
from promptrun.reports.problems import write_problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from promptrun.pipeline.plan import Plan


class Reply:
    """The reply to one case, and what became of it."""

    def __init__(self, result: CaseResult, told: str) -> None:
        assert result.reply is not None  # noqa: S101 - without one there is no Reply
        self.result = result
        """Everything that is known of the case, its verdict among it."""
        self.raw: dict[str, Any] = result.reply.raw
        """The ``chat.completion`` object as the server sent it, with secrets masked."""
        self._told = told

    def __repr__(self) -> str:
        return f"<promptrun reply to {self.result.id}: {self.result.verdict}>"

    @property
    def choices(self) -> list[str]:
        """The text of each choice; empty for a tool call and for a refusal, which `raw` holds."""
        assert self.result.reply is not None  # noqa: S101 - see above
        return [choice.content or "" for choice in self.result.reply.choices]

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return next(iter(self.choices), "")

    def json(self) -> Any:
        """The text of the first choice, parsed; ValueError where it is no JSON."""
        return parse(self.text)

    def assert_snapshot(self) -> None:
        """Fail the test with promptrun's own difference, unless the case passed or is new."""
        __tracebackhide__ = True
        if not holds(self.result):
            pytest.fail(self._told, pytrace=False)


class Promptrun:
    """What the fixture gives."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self._config = config
        self._folder = folder

    def __call__(self, target: str, /, **variables: Any) -> Reply:
        """Send one case as ``promptrun TARGET --var …`` does, and give the reply.

        `target` is the id of a case, relative to the rootdir or else to the folder of the test;
        a spec with a single case may be named without it. `variables` keep their types; with any
        of them nothing is written. Fails the test where no reply came or the spec is wrong, and
        skips it where the provider cannot serve the case.
        """
        __tracebackhide__ = True
        result, told = self._run(target, variables)
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(told)
        if _is_stale(result) and variables:
            pytest.skip("a replay has no reply to these variables")
        if result.reply is None or _is_stale(result):
            pytest.fail(told, pytrace=False)
        return Reply(result, told)

    def check(self, target: str, /) -> CaseResult:
        """Run one case as ``promptrun TARGET`` does; fail the test unless it passed or is new.

        Snapshots are written as ``--promptrun-update`` says.
        """
        __tracebackhide__ = True
        result, told = self._run(target, {})
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(told)
        if not holds(result):
            pytest.fail(told, pytrace=False)
        return result

    def _run(self, target: str, variables: Mapping[str, Any]) -> tuple[CaseResult, str]:
        """The result of the one case that `target` means, and its text for a reader."""
        __tracebackhide__ = True
        options = make_options(self._config, [self._find(target)], variables, record=False)
        try:
            plan = call_apart(lambda: make_plan(options, sends=not options.replay))
            path = _check_single(plan, target)
            result = call_apart(lambda: _only_result(plan))
        except PromptrunError as error:
            problem = write_problem(error, STYLE)
        else:
            return result, settle_result("", result, path, self._config.invocation_params.dir).text
        pytest.fail(problem, pytrace=False)

    def _find(self, target: str) -> str:
        name = target.partition("::")[0]
        beside = self._folder / name
        is_beside = not (self._config.rootpath / name).exists() and beside.exists()
        return str(self._folder / target) if is_beside else target


def _check_single(plan: Plan, target: str) -> Path:
    """The spec of the only case of a plan; UsageError where it has more, or a strange variable."""
    if plan.strangers:
        name = plan.strangers[0]
        raise UsageError(f"`{target}` mentions no variable `{name}`")
    cases = list(islice(plan.all_cases(), 3))
    if len(cases) == 1:
        return cases[0][0].spec.path
    if not cases:
        raise UsageError(f"`{target}` has no case")
    names = ", ".join(f"`{case.id}`" for _, case in cases[:2])
    more = " …" if len(cases) > 2 else ""
    raise UsageError(f"`{target}` has several cases", hint=f"name one of them: {names}{more}")


def _only_result(plan: Plan) -> CaseResult:
    results = []
    for event in run_plan(plan):
        if isinstance(event, CaseResult):
            results.append(event)
        elif isinstance(event, Stopped):
            raise StoppedError(event.reason, hint=event.hint)
    return results[0]


def _is_stale(result: CaseResult) -> bool:
    """Whether a replayed reply is the answer to another request than the one of today."""
    return result.replayed and result.comparison is not None and bool(result.comparison.request)
