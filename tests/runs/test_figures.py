"""What some cases of a record add up to."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from promptrun.errors import UsageError
from promptrun.models import Timings, Verdict
from promptrun.runs import RecordedCase, RecordedReply, RunTotals, open_run
from promptrun.runs.figures import Figures, meet
from promptrun.runs.reader import figures_of
from tests.runs.examples import ended, failed, keep, reply, said, start

SPEC = "specs/이야기.yaml"


def timed(case: str, seconds: float, **fields: Any) -> RecordedReply:
    return said(case=case, reply=reply(timings=Timings(total=seconds)), **fields)


def case_of(spec: str, name: str, verdict: Verdict = Verdict.PASSED) -> RecordedCase:
    return structs.replace(ended(name, verdict=verdict), spec=spec)


def write(root: Path, *added: RecordedReply | RecordedCase) -> Path:
    writer = start(root)
    keep(writer, *added)
    writer.close("finished")
    return writer.path


def figures(path: Path, *targets: str) -> Figures:
    found = figures_of(path, targets)
    assert found is not None
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Cases of several specs, whose names begin like each other's."""
    return write(
        tmp_path,
        *(
            timed(f"{SPEC}::{name}", 1.0, prompt_tokens=1, cost=0.5)
            for name in ("옛날", "옛날 옛적")
        ),
        timed("specs/이야기.yaml2::옛날", 8.0, prompt_tokens=100),
        timed("specs2/a.yaml::옛날", 9.0, prompt_tokens=1000),
        failed(case=f"{SPEC}::옛날"),
        case_of(SPEC, "옛날"),
        case_of(SPEC, "옛날 옛적", Verdict.FAILED),
        case_of("specs/이야기.yaml2", "옛날"),
        case_of("specs2/a.yaml", "옛날"),
    )


@pytest.mark.parametrize(
    ("targets", "cases", "tokens"),
    [
        pytest.param([SPEC], 2, 2, id="a spec, and none whose name begins with its own"),
        pytest.param([f"{SPEC}::옛날"], 1, 1, id="a case, and none whose name begins with its own"),
        pytest.param(["specs"], 3, 102, id="a folder, and none whose name begins with its own"),
        pytest.param(["."], 4, 1102, id="everything"),
        pytest.param([SPEC, "specs", f"{SPEC}::옛날"], 3, 102, id="what is named twice, once"),
        pytest.param([SPEC, "specs2"], 3, 1002, id="several"),
        pytest.param(
            ["%", "*", "specs/이야기.yam", "' OR 1"], 0, None, id="no pattern, no beginning"
        ),
        pytest.param([], 0, None, id="nothing"),
    ],
)
def test_figures_are_of_what_was_named(
    path: Path, targets: Sequence[str], cases: int, tokens: int | None
) -> None:
    found = figures(path, *targets)

    assert sum(found.verdicts.values()) == cases
    assert found.totals.prompt_tokens == tokens


def test_figures_hold_verdicts_times_and_sums(path: Path) -> None:
    assert figures(path, SPEC) == Figures(
        verdicts={Verdict.PASSED: 1, Verdict.FAILED: 1},
        totals=RunTotals(requests=3, failures=1, attempts=5, prompt_tokens=2, cost=1.0),
        timed=2,
        median=1.0,
        p95=1.0,
    )
    with open_run(path.parents[2], "last") as run:
        assert run.figures([SPEC]) == figures(path, SPEC)
        assert sum(run.figures().verdicts.values()) == 4


@pytest.mark.parametrize(
    ("seconds", "median", "p95"),
    [
        ([], None, None),
        ([3], 3, 3),
        ([1, 2], 1.5, 2),
        ([5, 1, 3], 3, 5),
        (range(1, 21), 10.5, 19),
        (range(1, 101), 50.5, 95),
    ],
)
def test_the_median_and_the_95th_percentile_are_those_of_the_replies(
    tmp_path: Path, seconds: Sequence[float], median: float | None, p95: float | None
) -> None:
    path = write(tmp_path, case_of(SPEC, "옛날"), *(timed(f"{SPEC}::옛날", one) for one in seconds))

    found = figures(path, SPEC)

    assert (found.median, found.p95, found.timed) == (median, p95, len(seconds))


def test_the_time_of_a_judge_is_none_of_a_reply_and_its_cost_counts(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        timed(f"{SPEC}::옛날", 1.0, cost=0.1),
        timed(f"{SPEC}::옛날", 3.0, cost=0.1, role="second"),
        timed(f"{SPEC}::옛날", 60.0, cost=0.3, role="judge", key="k"),
    )

    found = figures(path, SPEC)

    assert (found.median, found.timed, found.totals.cost) == (2.0, 2, 0.5)


def test_a_name_with_half_of_a_surrogate_pair_counts(tmp_path: Path) -> None:
    path = write(tmp_path, case_of(SPEC, "\udcff"), timed(f"{SPEC}::\udcff", 1.0))

    assert figures(path, SPEC).timed == 1
    assert figures(path, f"{SPEC}::\udcff").verdicts == {Verdict.PASSED: 1}
    with open_run(tmp_path, "last") as run:
        assert list(run.case_ids()) == [f"{SPEC}::\udcff"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replies SET total = 'fast'",
        "UPDATE replies SET total = -1.0",
        "UPDATE replies SET total = 9e999",
        "UPDATE replies SET total = x'00'",
        "UPDATE replies SET total = NULL",
    ],
)
def test_what_is_no_time_is_left_out(path: Path, change: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()

    assert (figures(path, ".").timed, figures(path, ".").p95) == (0, None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replies SET cost = 9e999, prompt_tokens = 9223372036854775807",
        "UPDATE replies SET cost = -9e999, prompt_tokens = -5",
        "UPDATE replies SET cost = 1e300, prompt_tokens = 1e300",
        "UPDATE replies SET cost = -0.01, prompt_tokens = -1",
    ],
)
def test_a_sum_that_no_requests_can_have_is_not_known(path: Path, change: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()

    totals = figures(path, ".").totals
    assert (totals.cost, totals.prompt_tokens) == (None, None)


def test_a_record_that_takes_too_long_to_count_has_no_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, *(timed(f"{SPEC}::{at}", 1.0) for at in range(20_000)))
    assert figures(path, ".").timed == 20_000

    monkeypatch.setattr("promptrun.runs.opening._SECONDS", 0)
    assert figures_of(path, ["."]) is None


def test_ids_come_in_the_order_in_which_their_cases_ended(path: Path) -> None:
    with open_run(path.parents[2], "last") as run:
        assert list(run.case_ids(["specs2", SPEC])) == [
            f"{SPEC}::옛날",
            f"{SPEC}::옛날 옛적",
            "specs2/a.yaml::옛날",
        ]
        assert run.has_case(f"{SPEC}::옛날")
        assert not run.has_case(f"{SPEC}::옛")


def test_last_and_a_number_is_the_run_so_many_before(tmp_path: Path) -> None:
    for name in ("b", "c", "a"):
        writer = start(tmp_path, name)
        writer.close("finished")
    (tmp_path / ".promptrun/runs/z.sqlite").write_bytes(b"broken")

    for name, run_id in (("last", "a"), ("last~0", "a"), ("last~1", "c"), ("last~2", "b")):
        with open_run(tmp_path, name) as run:
            assert run.info.id == run_id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("last~1", "no run `last~1` is recorded: the oldest one is `last~0`"),
        ("last~99999999", "no run `last~99999999` is recorded in `.promptrun/runs`"),
        ("last~", "no run `last~` is recorded in `.promptrun/runs`"),
        ("last~-1", "no run `last~-1` is recorded in `.promptrun/runs`"),
        ("last~١", "no run `last~١` is recorded in `.promptrun/runs`"),
    ],
)
def test_a_run_before_the_first_is_none(tmp_path: Path, name: str, message: str) -> None:
    start(tmp_path).close("finished")

    with pytest.raises(UsageError) as caught:
        open_run(tmp_path, name)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        (["specs"], ["specs/a.yaml::옛날"], True),
        (["specs/a.yaml"], ["specs"], True),
        (["."], ["specs"], True),
        (["specs"], ["."], True),
        (["a::b::c"], ["a::b"], True),
        (["x", "specs/a.yaml"], ["y", "specs/a.yaml"], True),
        (["specs/a"], ["specs/ab", "specs/a.yaml"], False),
        (["/"], ["specs"], False),
        ([], ["."], False),
    ],
)
def test_targets_meet_where_one_holds_the_other(
    some: list[str], others: list[str], expected: bool
) -> None:
    assert meet(some, others) is expected
    assert meet(others, some) is expected


def test_many_targets_are_held_against_each_other_within_a_moment() -> None:
    some = [f"a/{'b::' * 300}{number}" for number in range(10_000)]
    began = time.monotonic()

    assert not meet(some, [f"{one}x" for one in some])
    assert time.monotonic() - began < 30
