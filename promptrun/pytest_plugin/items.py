"""Spec files and their cases as pytest's collectors and items, and how items are reported."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from promptrun.errors import PromptrunError
from promptrun.files.tree import links_astray
from promptrun.models import Case
from promptrun.pipeline.options import check_options
from promptrun.pipeline.plan import make_plan
from promptrun.pytest_plugin.asking import call_apart, make_options
from promptrun.pytest_plugin.batch import Batch, Wanted
from promptrun.pytest_plugin.markers import marker_name
from promptrun.pytest_plugin.settled import STYLE, Settled
from promptrun.reports.problems import write_problem

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

SUFFIXES = (".yaml", ".yml")


class Results(Protocol):
    """Where items have their outcomes from: a Batch, or a SharedBatch."""

    def get(self, node_id: str) -> Settled:
        """The outcome of one item; waits until it is there."""
        ...

    def drain(self) -> None:
        """Go on to the end."""
        ...

    def close(self) -> None:
        """Cancel what is under way."""
        ...


class SpecFile(pytest.File):
    """One spec."""

    def collect(self) -> Iterator[CaseItem]:
        """Its cases; all the mistakes of the spec as one error, as the command line shows them."""
        try:
            yield from call_apart(lambda: list(self._items()))
        except PromptrunError as error:
            raise self.CollectError(write_problem(error, STYLE)) from None

    def _items(self) -> Iterator[CaseItem]:
        plan = make_plan(make_options(self.config, [str(self.path)]), sends=False)
        for planned, case in plan.all_cases():
            name = plan.masker.mask_text(case.name)
            wanted = Wanted(
                node_id=f"{self.nodeid}::{name}",
                root=planned.project.root,
                spec=planned.spec.path,
                spec_id=planned.spec.id,
                case=case.name,
            )
            tags = case.tags if isinstance(case, Case) else ()
            yield CaseItem.from_parent(self, name=name, wanted=wanted, tags=tags)


class CaseItem(pytest.Item):
    """One case of a spec, or one row that is no case."""

    def __init__(self, *, wanted: Wanted, tags: Iterable[str], **rest: Any) -> None:
        super().__init__(**rest)
        self.wanted = wanted
        self.settled: Settled | None = None
        """The outcome, once it is known."""
        for tag in tags:
            self.extra_keyword_matches.add(tag)
            self.add_marker(_marker(self.config, marker_name(tag)))

    def runtest(self) -> None:
        """Wait for the outcome of this case, and end as it says."""
        __tracebackhide__ = True
        plugin = self.config.pluginmanager.get_plugin("promptrun-specs")
        assert isinstance(plugin, SpecPlugin)  # noqa: S101 - it made this item
        settled = plugin.results_of(self.session).get(self.nodeid)
        self.settled = settled
        self.user_properties.append(("promptrun_verdict", settled.verdict))
        if settled.written:
            self.user_properties.append(("promptrun_written", "true"))
        if settled.outcome == "skipped":
            pytest.skip(settled.text)
        if settled.outcome == "failed":
            pytest.fail(settled.text, pytrace=False)
        if settled.worth_telling:
            self.add_report_section("call", "promptrun", settled.text)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands, and its id as the heading of a failure."""
        return self.path, None, f"[promptrun] {self.nodeid}"


def _marker(config: pytest.Config, name: str) -> pytest.MarkDecorator:
    """The marker of this name, which nobody else has to register."""
    line = f"{name}: a tag of a spec"
    known = (one.partition(":")[0].partition("(")[0].strip() for one in config.getini("markers"))
    if name not in known:
        config.addinivalue_line("markers", line)
    marker: pytest.MarkDecorator = getattr(pytest.mark, name)
    return marker


class SpecPlugin:
    """The hooks that are wanted only where specs are collected."""

    def __init__(self, config: pytest.Config) -> None:
        try:
            check_options(make_options(config, ()))
        except PromptrunError as error:
            raise pytest.UsageError(str(error)) from None
        self._config = config
        self._results: Results | None = None
        self._shared: Path | None = None

    def results_of(self, session: pytest.Session) -> Results:
        """What answers for the items of this session; the first that is wanted makes it."""
        if self._results is None:
            wanted = [item.wanted for item in session.items if isinstance(item, CaseItem)]
            start = partial(Batch, self._config, wanted)
            folder = getattr(self._config, "workerinput", {}).get("promptrun_folder")
            if folder is None:
                self._results = start()
            else:
                from promptrun.pytest_plugin.sharing import SharedBatch

                self._results = SharedBatch(Path(folder), start)
        return self._results

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SpecFile | None:
        """Take the files that promptrun itself would take below the paths that were given."""
        if file_path.suffix not in SUFFIXES or not _is_scanned(file_path, parent.session):
            return None
        collector: SpecFile = SpecFile.from_parent(parent, path=file_path)
        return collector

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Let no request lie half answered while a test of another kind takes its time."""
        done = yield
        ends = item.session.shouldstop or item.session.shouldfail
        if isinstance(item, CaseItem) and not isinstance(nextitem, CaseItem) and not ends:
            self.results_of(item.session).drain()
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report the time of the reply, not that of the wait; a skip belongs to its spec."""
        report = yield
        if isinstance(item, CaseItem) and call.when == "call" and item.settled:
            if item.settled.seconds is not None:
                report.duration = item.settled.seconds
            if report.skipped:
                report.longrepr = (str(item.path), 1, f"Skipped: {item.settled.text}")
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say that files were written."""
        reports = terminalreporter.getreports("passed")
        written = sum(("promptrun_written", "true") in one.user_properties for one in reports)
        if written:
            files = "1 snapshot" if written == 1 else f"{written} snapshots"
            terminalreporter.write_line(f"promptrun wrote {files}")

    def pytest_sessionfinish(self) -> None:
        """Cancel what is under way: the session ends early."""
        if self._results is not None:
            self._results.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give pytest-xdist's workers a folder in common."""
        if self._shared is None:
            self._shared = Path(mkdtemp(prefix="promptrun-"))
        node.workerinput["promptrun_folder"] = str(self._shared)

    def pytest_unconfigure(self) -> None:
        """Take that folder away."""
        if self._shared is not None:
            rmtree(self._shared, ignore_errors=True)


def _is_scanned(path: Path, session: pytest.Session) -> bool:
    """Whether a scan of promptrun's would find this file below the path that was given.

    A file that was given itself is always taken. Links to folders are not followed.
    """
    if session.isinitpath(path):
        return True
    given = next((one for one in path.parents if session.isinitpath(one)), session.config.rootpath)
    if path.name[0] in "_." or links_astray(path, given.resolve()):
        return False
    folders = (one for one in path.parents if one != given and one.is_relative_to(given))
    return not any(
        one.name[0] in "_." or one.name == "snapshots" or one.is_symlink() for one in folders
    )
