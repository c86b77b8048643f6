from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest

from promptrun.pytest_plugin.batch import Batch
from promptrun.pytest_plugin.settled import Settled
from promptrun.pytest_plugin.sharing import SharedBatch


def outcome(node_id: str) -> Settled:
    return Settled(id=node_id, outcome="passed", verdict="passed", text=f"{node_id} 좋아요")


class Asked:
    """A batch that has one outcome, and notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def start(self, tell: object) -> Batch:
        assert callable(tell)
        tell(outcome("정중"))
        self.done.append("start")
        return cast("Batch", self)

    def get(self, node_id: str) -> Settled:
        return outcome(node_id)

    def drain(self) -> None:
        self.done.append("drain")

    def close(self) -> None:
        self.done.append("close")


def refuse(tell: object) -> Batch:
    raise AssertionError("only one worker asks")


def test_the_first_asks_and_the_second_reads_what_it_found(tmp_path: Path) -> None:
    asked = Asked()
    leader = SharedBatch(tmp_path, asked.start)

    assert leader.get("반말") == outcome("반말")
    assert SharedBatch(tmp_path, refuse).get("정중") == outcome("정중")
    leader.drain()
    assert SharedBatch(tmp_path, refuse).get("정중") == outcome("정중")
    assert asked.done == ["start", "drain"]


def test_what_a_leader_left_open_is_an_error_and_is_not_asked_for_again(tmp_path: Path) -> None:
    leader = SharedBatch(tmp_path, Asked().start)
    leader.get("정중")
    leader.close()

    left = SharedBatch(tmp_path, refuse).get("반말")

    assert left.outcome == "failed"
    assert "the worker that asked ended before this case" in left.text


def test_a_line_that_is_not_whole_is_not_read(tmp_path: Path) -> None:
    whole, half = (msgspec.json.encode(outcome(name)) for name in ("정중", "반말"))
    (tmp_path / "results.jsonl").write_bytes(whole + b"\n" + half)
    follower = SharedBatch(tmp_path, refuse)

    assert follower.get("정중").outcome == "passed"
    assert follower.get("반말").outcome == "failed"


def test_a_leader_that_is_silent_for_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptrun.pytest_plugin.sharing._PATIENCE", 0.2)
    leader = SharedBatch(tmp_path, Asked().start)
    leader.get("정중")

    assert "has been silent for an hour" in SharedBatch(tmp_path, refuse).get("반말").text
    leader.close()


def test_workers_without_a_folder_in_common_say_so(tmp_path: Path) -> None:
    settled = SharedBatch(tmp_path / "elsewhere", refuse).get("정중")

    assert settled.outcome == "failed"
    assert "shares no folder" in settled.text
