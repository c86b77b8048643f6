"""Many runs in one process, over real sockets and files: what each leaves behind."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest

import promptrun
from promptrun.models import Verdict
from tests.faults import Fault, Faulty, Plan, Rule
from tests.openai_server import OpenAIServer
from tests.promptrun_cli import KEY

SPEC = """\
model: gpt-4o-mini
messages: [{role: user, content: "{{ n }}번"}]
cases: {file: rows.csv}
"""
CASES = 30
BAD_DAY = Plan(
    rules=(
        Rule(fault=Fault(kind="rate limit", wait=0.01, exact=True), every=10),
        Rule(fault=Fault(kind="server error"), every=7),
        Rule(fault=Fault(kind="cut"), every=11),
    )
)


def left() -> tuple[int, int]:
    """How many files are open, and how many threads there are."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux does")
def test_runs_leave_no_file_no_socket_and_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "specs").mkdir()
    (tmp_path / "promptrun.toml").write_text("")
    (tmp_path / "specs/rows.yaml").write_text(SPEC, "utf-8")
    rows = "".join(f"c{number},{number}\n" for number in range(CASES))
    (tmp_path / "specs/rows.csv").write_text(f"name,n\n{rows}", "utf-8")
    counted = []
    with OpenAIServer(Faulty(BAD_DAY)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        for turn in range(8):
            found = promptrun.run(tmp_path / "specs", jobs=8, update="new")
            assert {one.verdict for one in found} == {Verdict.PASSED if turn else Verdict.NEW}
            assert server.wait_idle()
            counted.append(left())
    # The first runs load what stays: packages, the list of prices.
    assert counted[2:] == [counted[2]] * 6
    hidden = tmp_path / ".promptrun"
    assert len(list((hidden / "runs").iterdir())) == 8
    assert not list(tmp_path.rglob(".*.tmp"))
