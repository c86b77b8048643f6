"""Results leave a run once what they wrote is on the disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from promptrun.errors import SnapshotError
from promptrun.execute import Stop
from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.results import Results


class Store:
    """What `Results` needs of a store."""

    def __init__(self) -> None:
        self.unflushed = 0
        self.ended = False
        self.broken: dict[Path, SnapshotError] = {}
        self.seconds = 0.0

    def begin_batch(self) -> None:
        self.ended = False

    def flush(self) -> dict[Path, SnapshotError]:
        time.sleep(self.seconds)
        self.unflushed = 0
        return self.broken

    def abort_batch(self) -> None:
        self.ended = True


class Recorder:
    def __init__(self) -> None:
        self.kept: list[CaseResult] = []

    def keep_case(self, root: Path, result: CaseResult, request: Any) -> None:
        del root, request
        self.kept.append(result)


class Plan:
    """A plan of one project."""

    class Options:
        fail_fast = False

    def __init__(self, store: Store) -> None:
        self.options: Any = self.Options()
        self.specs = [self]
        self.project = self
        self.root = Path("/project")
        self.store = store


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def plan(store: Store) -> Any:
    return Plan(store)


def results(plan: Any, stop: Stop | None = None) -> tuple[Results, Recorder]:
    recorder: Any = Recorder()
    return Results(plan, stop or Stop(), recorder), recorder


def result(name: str, verdict: Verdict = Verdict.NEW, **fields: Any) -> CaseResult:
    snapshot = f"snapshots/{name}.yaml"
    return CaseResult(
        spec="s", case=name, verdict=verdict, provider="openai", snapshot=snapshot, **fields
    )


def names(some: Results) -> list[str]:
    return [one.case for one in some.take()]


def test_what_wrote_nothing_leaves_at_once(plan: Any) -> None:
    some, recorder = results(plan)
    some.add(plan, result("a", Verdict.PASSED))
    assert names(some) == ["a"]
    assert [one.case for one in recorder.kept] == ["a"]


def test_what_wrote_something_waits_and_is_not_overtaken(plan: Any, store: Store) -> None:
    some, recorder = results(plan)
    store.unflushed = 1
    some.add(plan, result("a", written=True))
    store.unflushed = 0
    some.add(plan, result("b", Verdict.PASSED))
    assert (names(some), recorder.kept) == ([], [])
    some.flush()
    assert names(some) == ["a", "b"]


def test_the_disk_is_waited_for_in_a_thread(plan: Any, store: Store) -> None:
    some, _ = results(plan)
    store.unflushed, store.seconds = 1, 1.0
    some.add(plan, result("a", written=True))
    began = time.monotonic()
    some.flush_soon()
    some.add(plan, result("b", Verdict.PASSED))
    assert time.monotonic() - began < 0.9
    assert names(some) == []
    while not some.are_due:
        time.sleep(0.01)
    some.flush_soon()
    assert names(some) == ["a"]
    some.close()
    assert names(some) == ["b"]
    assert store.ended


def test_a_snapshot_that_fails_on_its_way_to_the_disk_is_an_error(plan: Any, store: Store) -> None:
    some, recorder = results(plan)
    store.unflushed = 1
    store.broken = {Path("/project/snapshots/a.yaml"): SnapshotError("cannot write it")}
    some.add(plan, result("a", written=True))
    some.add(plan, result("b", written=True))
    some.flush()
    [a, b] = some.take()
    assert (a.verdict, a.reason, a.written) == (Verdict.ERROR, "cannot write it", False)
    assert (b.verdict, b.written) == (Verdict.NEW, True)
    assert some.counts == {Verdict.ERROR: 1, Verdict.NEW: 1}
    assert recorder.kept == [a, b]


def test_fail_fast_sees_a_snapshot_that_fails_on_its_way(plan: Any, store: Store) -> None:
    stop = Stop()
    plan.options.fail_fast = True
    some, _ = results(plan, stop)
    store.unflushed = 1
    store.broken = {Path("/project/snapshots/a.yaml"): SnapshotError("cannot write it")}
    some.add(plan, result("a", written=True))
    assert not stop.asked
    some.flush()
    assert (stop.reason, stop.wished) == ("`--fail-fast`: `s::a` is `error`", True)


def test_a_reply_that_could_not_be_left_waiting_keeps_its_verdict(plan: Any, store: Store) -> None:
    some, _ = results(plan)
    store.unflushed = 1
    store.broken = {Path("/project/snapshots/a.yaml"): SnapshotError("cannot write it")}
    some.add(plan, result("a", Verdict.CHANGED, pending=".promptrun/pending/a.yaml"))
    some.flush()
    [a] = some.take()
    assert (a.verdict, a.pending) == (Verdict.CHANGED, None)
    assert a.notes == ("nothing could be kept: cannot write it",)


def test_after_an_interrupt_in_the_last_flush_the_batch_is_ended(
    plan: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    some, _ = results(plan)
    store.unflushed = 1
    some.add(plan, result("a", written=True))
    monkeypatch.setattr(store, "flush", interrupted)
    with pytest.raises(KeyboardInterrupt):
        some.close()
    assert store.ended
