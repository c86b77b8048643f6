"""What is known of a run before it is paid for: how many cases it has, and what it will ask.

Nothing here is counted for longer than its caller allows, and no row of a data file is kept.
"""

from __future__ import annotations

from math import inf, prod
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from promptrun.errors import PromptrunError
from promptrun.files.tree import FileProblem
from promptrun.models import Case, DataFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from promptrun.models import Server
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec

UNASKED: Final = 500
"""Paid requests that nobody is asked about."""
COUNTING: Final = 0.5
"""Seconds that counting the paid requests may take."""
MOST_SIFTED: Final = 10_000
"""Cases of a spec that are looked through for those that `-k` selects."""


class Payment(Struct, frozen=True, kw_only=True):
    """Requests that will be paid for."""

    requests: int
    """Answers to cases; judges, second looks and retries come on top."""
    counted: bool
    """Whether these are all; False where counting them took too long."""
    asked: tuple[tuple[str, str], ...]
    """Provider and model, each pair once, in the order in which they are met."""


def find_payment(plan: Plan, clock: Callable[[], float] = monotonic) -> Payment | None:
    """What a run is going to pay for; None where that is too little to ask about.

    Paid are requests to any provider but the embedded model and servers on this machine. What they
    cost is not told: the tokens of a reply are known once it is there.
    """
    most = plan.options.max_requests
    if most is not None and most <= UNASKED:
        return None
    until = clock() + COUNTING
    requests = 0
    asked: dict[tuple[str, str], None] = {}
    for planned in plan.specs:
        if not _is_paid(plan.servers[planned.project.root, planned.provider]):
            continue
        for case in _sent_cases(plan, planned):
            if case is not None:
                requests += case.samples.count
                asked[planned.provider, _model(case)] = None
            if clock() > until:
                return Payment(requests=requests, counted=False, asked=tuple(asked))
    if requests <= UNASKED:
        return None
    return Payment(requests=requests, counted=True, asked=tuple(asked))


def _is_paid(server: Server) -> bool:
    if server.kind == "local":
        return False
    if server.base_url is None:
        return True
    from promptrun.config.urls import UrlProblem, read_url

    try:
        return not read_url(server.base_url).loopback
    except UrlProblem:
        return True


def _sent_cases(plan: Plan, planned: PlannedSpec) -> Iterator[Case | None]:
    """The cases of a spec that are sent; None for one that is not, so that time can be kept."""
    try:
        for case in plan.cases(planned):
            yield case if isinstance(case, Case) and _is_sent(plan, planned, case) else None
    except PromptrunError:
        # Whatever is wrong with a data file is told where it is read to be sent.
        return


def _is_sent(plan: Plan, planned: PlannedSpec, case: Case) -> bool:
    if not plan.options.changed:
        return True
    # Only `--changed` has to know what would be sent to say whether it is.
    from promptrun.pipeline.prepare import Prepared, prepare

    ready = prepare(plan, planned, case)
    return isinstance(ready, Prepared) and not ready.is_unmoved


def _model(case: Case) -> str:
    model = case.fields.get("model")
    return model if isinstance(model, str) else ""


class CaseCount:
    """The number of cases of a run, counted a slice of time after the other.

    Without `files` none is read: then only a run whose cases all stand in specs has a number. It
    stays unknown, too, where `-k` selects from many.
    """

    def __init__(self, plan: Plan, *, files: bool) -> None:
        self.total: int | None = None
        """None while it is not known."""
        self._steps = _count_steps(plan, files=files)
        self._counted = 0
        self._over = False

    def go_on(self, seconds: float, clock: Callable[[], float] = monotonic) -> int | None:
        """Count for so long at most; the total, once it is known."""
        until = clock() + seconds
        while not self._over:
            try:
                step = next(self._steps)
            except StopIteration:
                self.total, self._over = self._counted, True
                break
            except (PromptrunError, FileProblem):
                step = None
            if step is None:
                self._over = True
            else:
                self._counted += step
            if clock() > until:
                break
        return self.total


def _count_steps(plan: Plan, *, files: bool) -> Iterator[int | None]:
    """Numbers that add up to the cases of a plan; None where they cannot be counted."""
    for planned in plan.specs:
        combinations = prod(map(len, planned.spec.matrix.values()))
        if plan.keyword is not None:
            if _inline_size(planned, combinations) > MOST_SIFTED:
                yield None
            yield from (1 for _ in plan.cases(planned))
        elif planned.wanted is not None:
            yield len(planned.wanted)
        elif not isinstance(planned.spec.cases, DataFile):
            yield int(_inline_size(planned, combinations))
        elif files:
            yield from _count_rows(planned, planned.spec.cases, combinations)
        else:
            yield None


def _inline_size(planned: PlannedSpec, combinations: int) -> float:
    """How many cases are written in a spec; for rows of a file, more than any."""
    cases = planned.spec.cases
    return inf if isinstance(cases, DataFile) else len(cases or ((),)) * combinations


def _count_rows(planned: PlannedSpec, data: DataFile, combinations: int) -> Iterator[int]:
    from promptrun.spec.entries import find_data_file
    from promptrun.spec.rows import Row, read_rows

    path, name = find_data_file(data.ref, planned.spec.root)
    for row in read_rows(path, name):
        # A row that cannot be read is one case, an error, whatever the matrix.
        yield combinations if isinstance(row, Row) else 1
