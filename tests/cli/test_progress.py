"""What a run shows while it goes on, and what it says when it has ended."""

from __future__ import annotations

import io
import os
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from msgspec import structs

from promptrun.cli.progress import Speed, Standing, write_progress, write_time
from promptrun.cli.run_screen import RunScreen
from promptrun.cli.screen import Screen
from promptrun.models import CaseResult, Failure, Reply, Timings, Verdict
from promptrun.pipeline.confirm import CaseCount
from promptrun.pipeline.events import Delayed, Progress, Stopped, StreamPiece
from promptrun.pipeline.options import Options
from promptrun.pipeline.plan import Plan, make_plan
from promptrun.reports.width import cut, display_width
from tests.promptrun_cli import Cli

CASE = "model: gpt-4o-mini\nmessages:\n  - {role: user, content: '{{ who }}님, 안녕하세요?'}\n"
ONE = f"{CASE}vars: {{who: 존}}\n"
ROWS = f"{CASE}cases: {{file: people.csv}}\n"
ERASE = "\r\x1b[K"

BUSY = Standing(done=1234, total=10_000, in_flight=50, retries=3, cost=0.42, held=None, rate=52.3)
HELD = structs.replace(BUSY, held=11.2)
SERVER = "서버가 바쁩니다, 잠시 후에 다시 시도해 주세요"


def inline(count: int, more: str = "") -> str:
    """A spec of so many cases."""
    cases = "".join(f"  - {{name: 사람{at}, vars: {{who: '{at}'}}}}\n" for at in range(count))
    return f"{CASE}{more}cases:\n{cases}"


def planned(cli: Cli, *targets: str, keyword: str | None = None, **more: Any) -> Plan:
    """The plan of a run that sends to the embedded model."""
    options = Options(
        targets=targets or ("specs",), cwd=cli.folder, environ={}, provider="local",
        keyword=keyword, **more,
    )  # fmt: skip
    return make_plan(options, sends=True)


# --- one line, from values


@pytest.mark.parametrize(
    ("standing", "width", "line"),
    [
        pytest.param(
            BUSY, 100,
            "1,234 of 10,000 done  3 min left  $0.42  52/s  50 in flight  3 retries",
            id="all that there is to tell",
        ),
        pytest.param(
            BUSY, 60,
            "1,234 of 10,000 done  3 min left  $0.42  52/s  50 in flight",
            id="the last is left out first",
        ),
        pytest.param(BUSY, 40, "1,234 of 10,000 done  3 min left  $0.42", id="40 columns"),
        pytest.param(
            HELD, 100,
            "1,234 of 10,000 done  waiting for the rate limit (12 s)  3 min left  $0.42  52/s"
            "  50 in flight",
            id="what is waited for stands behind what is done",
        ),
        pytest.param(
            HELD, 40, "1,234 of 10,000  rate limit (12 s)", id="waiting in 40 columns"
        ),
        pytest.param(
            structs.replace(HELD, done=998_765, total=1_000_000), 39,
            "998,765 of 1,000,000  rate limit (12 s)",
            id="waiting with a million rows in 40 columns",
        ),
        pytest.param(Standing(done=17), 80, "17 done", id="where the total is not known"),
        pytest.param(
            Standing(done=0, total=1, in_flight=1), 80, "0 of 1 done  1 in flight", id="one case"
        ),
        pytest.param(
            Standing(done=5, total=9, retries=1, cost=0.0004, rate=0.05), 80,
            "5 of 9 done  80 s left  $0.0004  3/min  1 retry",
            id="small numbers",
        ),
        pytest.param(
            Standing(done=0, total=1, delay=7.5, reason=SERVER), 100,
            f"0 of 1 done  asking again in 8 s: {SERVER}",
            id="why the one request waits",
        ),
        pytest.param(
            Standing(done=0, total=1, delay=7.5, reason=SERVER), 60,
            "0 of 1 done  asking again in 8 s: 서버가 바쁩니다, 잠시 후…",
            id="a Korean reason is cut by its columns",
        ),
        pytest.param(
            Standing(done=0, total=1, delay=7.5, reason="\x1b[2J\n다음"), 80,
            r"0 of 1 done  asking again in 8 s: \x1b[2J\n다음",
            id="controls of a server are shown",
        ),
        pytest.param(
            HELD, None,
            "1,234 of 10,000 done  waiting for the rate limit (12 s)  3 min left  $0.42  52/s"
            "  50 in flight  3 retries",
            id="a log takes it all",
        ),
    ],
)  # fmt: skip
def test_a_line_of_progress(standing: Standing, width: int | None, line: str) -> None:
    assert write_progress(standing, width) == line


@pytest.mark.parametrize("width", [1, 10, 20, 39, 40, 41, 59, 79, 80, 119, 199])
def test_a_line_is_never_wider_than_its_terminal(width: int) -> None:
    for standing in (BUSY, HELD, structs.replace(HELD, delay=70, reason=SERVER, total=None)):
        line = write_progress(standing, width)
        assert 0 < display_width(line) <= width, line
        if width >= 39:
            assert line.startswith("1,234")
            assert ("rate limit" in line) == (standing.held is not None)


def test_a_text_that_fits_is_not_cut() -> None:
    assert cut("안녕하세요", 10) == "안녕하세요"
    assert cut("안녕하세요", 9) == "안녕하세…"
    assert cut("안녕하세요", 0) == ""


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (59.1, "60 s"), (99, "99 s"), (100, "2 min"), (3540, "59 min"),
     (3541, "1 h"), (4800, "1 h 20 min"), (86_400, "24 h"), (9_000_000, "2,500 h")],
)  # fmt: skip
def test_a_time_to_come_is_rounded_up(seconds: float, told: str) -> None:
    assert write_time(seconds) == told


# --- the pace


def walked(pace: Speed, *, at: float, done: int, rate: float, seconds: float) -> tuple[float, int]:
    """Go on at a rate for some time, seen twice a second."""
    begun, had = at, done
    while at < begun + seconds - 1e-9:
        at += 0.5
        done = had + int((at - begun) * rate)
        pace.see(done, at)
    return at, done


def test_a_steady_pace_is_told_as_it_is() -> None:
    pace = Speed()
    pace.see(0, 100.0)
    walked(pace, at=100.0, done=0, rate=40, seconds=20)

    assert pace.rate == pytest.approx(40)


def test_a_run_that_has_just_begun_has_no_pace() -> None:
    pace = Speed()
    assert pace.rate is None
    pace.see(0, 5.0)
    pace.see(9, 6.0)
    assert pace.rate is None


def test_a_pace_follows_a_server_that_slows_down_and_does_not_jump() -> None:
    pace = Speed()
    pace.see(0, 0.0)
    at, done = walked(pace, at=0.0, done=0, rate=50, seconds=60)
    rates = []
    for _ in range(240):
        at, done = walked(pace, at=at, done=done, rate=5, seconds=0.5)
        rates.append(pace.rate or 0)

    assert rates == sorted(rates, reverse=True)
    assert all(before - after < 2 for before, after in pairwise(rates))
    assert 5 <= rates[-1] < 15


def test_replies_that_come_in_bursts_do_not_move_the_time_left_much() -> None:
    pace, told = Speed(), []
    pace.see(0, 0.0)
    for second in range(600):
        pace.see(second // 20 * 16, float(second))
        if second > 120 and pace.rate:
            told.append((16 * 60 - second // 20 * 16) / pace.rate)

    steps = [abs(after - before) for before, after in pairwise(told)]
    assert max(steps) < 60  # of more than a thousand seconds at first


# --- the screen of a run, fed by hand


class Terminal(io.StringIO):
    """A stream that says of itself what a terminal says."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def drawn(self) -> list[str]:
        """Every state of the line that is drawn anew."""
        return [part.split("\n")[0] for part in self.getvalue().split(ERASE)[1:]]

    @property
    def stays(self) -> str:
        """What stands on the screen in the end."""
        lines = self.getvalue().split("\n")
        return "\n".join(line.rpartition(ERASE)[2] for line in lines)


class Sitting:
    """Somebody before a run, with a clock that is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._monkeypatch = monkeypatch

    def before(
        self, plan: Plan, *, terminal: bool, quiet: bool = False, typed: tuple[str, ...] = ()
    ) -> RunScreen:
        """The screen of a run of this plan."""
        self.out, self.err = Terminal(is_terminal=False), Terminal(is_terminal=terminal)
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", self.out)
            patch.setattr(sys, "stderr", self.err)
            self.screen = Screen()
        return RunScreen(
            self.screen, plan, form="text", quiet=quiet, verbose=False, typed=typed,
            clock=lambda: self.now,
        )  # fmt: skip


@pytest.fixture
def sitting(monkeypatch: pytest.MonkeyPatch) -> Sitting:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    return Sitting(monkeypatch)


@pytest.fixture
def many(cli: Cli) -> Plan:
    """A plan of thirty cases."""
    cli.write("promptrun.toml", "")
    cli.write("specs/인사.yaml", inline(30))
    return planned(cli)


def result(at: int, verdict: Verdict = Verdict.PASSED, **fields: Any) -> CaseResult:
    return CaseResult(
        spec="specs/인사.yaml", case=f"사람{at}", verdict=verdict, provider="openai", **fields
    )


def progress(done: int, **fields: Any) -> Progress:
    return Progress(**{"done": done, "in_flight": 8, "retries": 0, "cost": 0.0} | fields)


def test_the_line_of_a_terminal_is_redrawn_in_place(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=True)
    with screen:
        screen.show(progress(0))
        for at in range(3):
            sitting.now += 1.5
            screen.show(result(at))
        sitting.now += 0.5
        screen.show(progress(3, retries=2, held=4.0))
    screen.finish()

    assert sitting.err.drawn == [
        "0 of 30 done  8 in flight",
        "1 of 30 done  8 in flight",
        "2 of 30 done  45 s left  40/min  8 in flight",
        "3 of 30 done  45 s left  40/min  8 in flight",
        "3 of 30 done  waiting for the rate limit (4 s)  45 s left  36/min  8 in flight  2 retries",
        "3 passed in 5.0 s",
    ]
    assert sitting.err.stays == "3 passed in 5.0 s\n"


def test_what_needs_reading_takes_the_place_of_the_line(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=True)
    with screen:
        screen.show(progress(0))
        sitting.now += 1
        screen.show(result(7, Verdict.FAILED, reason="\x1b[31m빨강"))
        sitting.now += 0.5
        screen.show(progress(1))

    assert sitting.err.stays == ("failed   specs/인사.yaml::사람7  openai\n  \\x1b[31m빨강\n")


def test_no_line_is_drawn_more_than_ten_times_a_second(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=True)
    with screen:
        for at in range(1000):
            sitting.now += 0.001
            screen.show(result(at))

    assert len(sitting.err.drawn) <= 12


def test_no_color_is_kept(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=True)
    with screen:
        screen.show(progress(0))
        screen.show(result(1, Verdict.FAILED))

    assert "\x1b[" not in sitting.err.getvalue().replace(ERASE, "")


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_the_line_keeps_to_the_columns_of_its_terminal(
    sitting: Sitting, many: Plan, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    screen = sitting.before(many, terminal=True)
    monkeypatch.setenv("COLUMNS", width)
    with screen:
        screen.show(Delayed(id="a", seconds=9, reason=SERVER * 10))
        sitting.now += 1
        screen.show(progress(0, held=8.0))

    assert all(display_width(line) < int(width) for line in sitting.err.drawn)
    assert "rate limit (8 s)" in sitting.err.drawn[1]


def test_a_log_gets_a_line_now_and_then(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=False)
    with screen:
        for half in range(160):
            if half % 10 == 0:
                screen.show(result(half))
            screen.show(progress(half // 10 + 1, cost=0.01 * half))
            sitting.now += 0.5

    assert sitting.err.getvalue().splitlines() == [
        "3 of 30 done  3 min left  $0.19  11/min  8 in flight",
        "9 of 30 done  2 min left  $0.79  11/min  8 in flight",
        "15 of 30 done  80 s left  $1.39  12/min  8 in flight",
    ]
    assert sitting.out.getvalue() == ""


@pytest.mark.parametrize("terminal", [True, False], ids=["on a terminal", "in a log"])
def test_a_quiet_run_shows_no_progress(sitting: Sitting, many: Plan, *, terminal: bool) -> None:
    screen = sitting.before(many, terminal=terminal, quiet=True)
    with screen:
        for at in range(300):
            sitting.now += 0.5
            screen.show(progress(at))
            screen.show(result(at))
            screen.show(Delayed(id="a", seconds=30, reason="slow down"))
    screen.finish()

    assert sitting.err.getvalue() == ""


def test_a_terminal_that_cannot_redraw_gets_what_a_log_gets(
    sitting: Sitting, many: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = sitting.before(many, terminal=True)
    with screen:
        for _ in range(30):
            sitting.now += 0.5
            screen.show(progress(0))

    assert sitting.err.getvalue() == "0 of 30 done  8 in flight\n"


def test_a_log_is_not_filled_with_requests_that_wait(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=False)
    with screen:
        for at in range(100):
            screen.show(Delayed(id=f"specs/인사.yaml::사람{at}", seconds=6, reason="slow down"))
            screen.show(Delayed(id="short", seconds=2, reason="slow down"))
            sitting.now += 0.1

    told = sitting.err.getvalue().splitlines()
    assert told[0] == "specs/인사.yaml::사람0: waiting 6 s to ask again: slow down"
    assert len(told) == 2


def test_why_the_only_request_waits_stays_until_something_comes(sitting: Sitting, cli: Cli) -> None:
    cli.write("specs/one.yaml", ONE)
    screen = sitting.before(planned(cli), terminal=True)
    with screen:
        screen.show(Delayed(id="specs/one.yaml::default", seconds=6, reason="과부하"))
        sitting.now += 3
        screen.show(progress(0, in_flight=0))
        sitting.now += 4
        screen.show(progress(0, in_flight=1))

    assert sitting.err.drawn[:3] == [
        "0 of 1 done  asking again in 6 s: 과부하",
        "0 of 1 done  asking again in 3 s: 과부하",
        "0 of 1 done  1 in flight",
    ]


def test_a_wait_for_the_rate_limit_is_not_told_twice(sitting: Sitting, cli: Cli) -> None:
    cli.write("specs/one.yaml", ONE)
    screen = sitting.before(planned(cli), terminal=True)
    with screen:
        screen.show(progress(0, in_flight=0))
        sitting.now += 1
        screen.show(Delayed(id="specs/one.yaml::default", seconds=9, reason="과부하"))
        for held in (8.0, None):
            sitting.now += 1
            screen.show(progress(0, in_flight=0, held=held))

    assert sitting.err.drawn[1:4] == [
        "0 of 1 done  asking again in 9 s: 과부하",
        "0 of 1 done  waiting for the rate limit (8 s)",
        "0 of 1 done  asking again in 7 s: 과부하",
    ]


def test_progress_never_cuts_into_a_reply_that_is_being_shown(sitting: Sitting, cli: Cli) -> None:
    cli.write("specs/one.yaml", ONE)
    screen = sitting.before(planned(cli), terminal=True)
    with screen:
        screen.show(StreamPiece(id="specs/one.yaml::default", index=0, text="안녕"))
        screen.show(progress(0))
        screen.show(Delayed(id="specs/one.yaml::default", seconds=6, reason="과부하"))

    assert sitting.err.getvalue() == ""
    assert sitting.out.getvalue() == "안녕\n"


def test_cases_that_were_there_before_do_not_count_towards_the_pace(
    sitting: Sitting, many: Plan
) -> None:
    screen = sitting.before(many, terminal=True)
    with screen:
        for at in range(20):
            sitting.now += 0.05
            screen.show(result(at))
        for at in range(20, 24):
            screen.show(progress(at))
            sitting.now += 1
            screen.show(result(at))

    assert sitting.err.drawn[-2].startswith("24 of 30 done  6 s left  1.0/s")


# --- how many cases there are


@pytest.fixture
def people(cli: Cli) -> Cli:
    rows = "".join(f"사람 {at},{at}\n" for at in range(5000))
    cli.write("specs/people.csv", f"who,id\n{rows}only one column\n")
    cli.write("specs/rows.yaml", ROWS)
    return cli


@pytest.mark.parametrize(
    ("targets", "keyword", "total"),
    [
        pytest.param(("specs/many.yaml",), None, 30, id="inline cases"),
        pytest.param(("specs/matrix.yaml",), None, 60, id="a matrix multiplies"),
        pytest.param(("specs/rows.yaml",), None, 5001, id="every row is a case, a bad one too"),
        pytest.param(("specs/rows.yaml::7", "specs/rows.yaml::8"), None, 2, id="named rows"),
        pytest.param(("specs/many.yaml",), "사람1", 11, id="a keyword over inline cases"),
        pytest.param(("specs/rows.yaml",), "rows", None, id="a keyword over rows"),
        pytest.param(("specs",), None, 5092, id="all of it"),
    ],
)
def test_cases_are_counted(
    people: Cli, targets: tuple[str, ...], keyword: str | None, total: int | None
) -> None:
    people.write("specs/many.yaml", inline(30))
    people.write("specs/matrix.yaml", inline(30, "matrix: {temperature: [0, 1]}\n"))
    people.write("specs/one.yaml", ONE)
    plan = planned(people, *targets, keyword=keyword)

    assert CaseCount(plan, files=True).go_on(30) == total
    if total is not None:
        assert sum(1 for _ in plan.all_cases()) == total


def test_rows_are_counted_a_slice_after_the_other(people: Cli) -> None:
    count = CaseCount(planned(people), files=True)
    ticks = iter(range(10**6))
    slices = 0
    while count.go_on(99, clock=lambda: float(next(ticks))) is None:
        slices += 1

    assert (count.total, slices) == (5001, 50)


def test_no_file_is_read_where_nobody_looks(people: Cli) -> None:
    plan = planned(people)
    (people.folder / "specs/people.csv").unlink()

    assert CaseCount(plan, files=False).go_on(1) is None


def test_a_file_that_is_gone_meanwhile_leaves_the_number_unknown(people: Cli) -> None:
    plan = planned(people)
    (people.folder / "specs/people.csv").unlink()

    assert CaseCount(plan, files=True).go_on(1) is None


# --- what is said in the end

QUOTA = Failure(
    kind="quota", message="You exceeded your current quota.", status=429, type="insufficient_quota",
    hint="add credit",
)  # fmt: skip


@pytest.fixture
def ended(sitting: Sitting, many: Plan) -> Iterator[tuple[RunScreen, Sitting]]:
    screen = sitting.before(
        many, terminal=True, typed=("specs/내 것", "--jobs", "4", "--fail-fast")
    )
    with screen:
        yield screen, sitting


def test_a_run_that_was_stopped_says_why_and_how_to_go_on(
    ended: tuple[RunScreen, Sitting],
) -> None:
    screen, sitting = ended
    screen.show(result(1))
    screen.show(result(2))
    screen.show(Stopped(reason="`--max-cost 0.5` is reached", run_id="20261122T232510-3f2a"))
    screen.finish()

    assert sitting.err.stays == (
        "2 passed in 0.0 s\n"
        "stopped: `--max-cost 0.5` is reached\n"
        "  2 of 30 cases have a result\n"
        "hint: promptrun 'specs/내 것' --jobs 4 --fail-fast "
        "--run 20261122T232510-3f2a goes on from here\n"
    )


def test_a_run_that_stopped_at_a_bad_case_goes_on_past_it(
    ended: tuple[RunScreen, Sitting],
) -> None:
    screen, sitting = ended
    screen.show(result(1, Verdict.FAILED))
    screen.show(Stopped(reason="`--fail-fast`: `a` is `failed`", run_id="ID"))
    screen.finish()

    assert sitting.err.stays.endswith(
        "promptrun 'specs/내 것' --jobs 4 --run ID goes on from here\n"
    )


def test_a_run_without_a_record_names_no_command(ended: tuple[RunScreen, Sitting]) -> None:
    screen, sitting = ended
    screen.show(Stopped(reason="interrupted", interrupted=True))
    screen.finish()

    assert sitting.err.stays == ("stopped: interrupted\n  0 of 30 cases have a result\n")


def test_what_every_case_would_meet_is_shown_once_and_counted(
    ended: tuple[RunScreen, Sitting],
) -> None:
    screen, sitting = ended
    for at in range(16):
        failure = structs.replace(QUOTA, request_id=f"req_{at}")
        screen.show(result(at, Verdict.ERROR, failure=failure))
    screen.show(result(16, Verdict.ERROR, failure=structs.replace(QUOTA, message="다른 말")))
    screen.show(Stopped(reason=QUOTA.message, hint=QUOTA.hint, run_id=None))
    screen.finish()

    told = sitting.err.stays
    assert told.count("You exceeded your current quota. (status 429") == 1
    assert told.count("hint: add credit") == 2  # of two failures, and not of the stop
    assert "다른 말" in told
    assert "\n15 more cases got the same answer\n17 error in 0.0 s\n" in told


def test_a_failure_of_one_case_is_shown_for_each(ended: tuple[RunScreen, Sitting]) -> None:
    screen, sitting = ended
    failure = Failure(kind="status", message="no such image", status=400)
    for at in range(3):
        screen.show(result(at, Verdict.ERROR, failure=failure))
    screen.finish()

    assert sitting.err.stays.count("no such image") == 3
    assert "same answer" not in sitting.err.stays


@pytest.mark.parametrize(
    ("in_flight", "told"),
    [
        (12, f"{ERASE}stopping: 12 requests under way get"),
        (1, f"{ERASE}stopping: 1 request under way gets"),
        (None, "stopping: what is under way gets"),
    ],
)
def test_ctrl_c_is_answered_at_once_and_once(
    ended: tuple[RunScreen, Sitting],
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int | None,
    told: str,
) -> None:
    screen, sitting = ended
    ours, theirs = os.pipe()
    monkeypatch.setattr(sitting.err, "fileno", lambda: theirs)
    if in_flight is not None:
        screen.show(progress(3, in_flight=in_flight))
    screen.interrupting()
    screen.interrupting()
    os.close(theirs)

    with os.fdopen(ours, "rb") as said:
        assert said.read().decode() == f"{told} a few seconds; Ctrl-C again ends it now\n"


def test_ctrl_c_never_fails_where_nobody_listens(ended: tuple[RunScreen, Sitting]) -> None:
    screen, sitting = ended
    with pytest.raises(OSError, match="fileno"):
        sitting.err.fileno()
    shown = sitting.err.getvalue()
    screen.interrupting()
    assert sitting.err.getvalue() == shown


def test_a_screen_keeps_nothing_of_the_cases_that_went_by(sitting: Sitting, many: Plan) -> None:
    screen = sitting.before(many, terminal=True)

    def feed(start: int, stop: int) -> None:
        for at in range(start, stop):
            sitting.now += 0.01
            one = result(
                at, Verdict.CHANGED, pending=f".promptrun/pending/{at}.yaml", hint=f"hint {at}",
                failure=structs.replace(QUOTA, message=f"{at}"),
            )  # fmt: skip
            screen.show(one)
            screen.show(progress(at))
            for stream in (sitting.out, sitting.err):
                stream.seek(0)
                stream.truncate()

    feed(0, 500)
    tracemalloc.start()
    try:
        feed(500, 600)
        before = tracemalloc.get_traced_memory()[0]
        feed(600, 3000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 20_000


def test_what_waits_is_counted_and_one_is_named(sitting: Sitting, cli: Cli) -> None:
    cli.write("promptrun.toml", "")
    cli.write("specs/인사.yaml", inline(3))
    screen = sitting.before(planned(cli, "specs/인사.yaml"), terminal=False)
    reply = Reply(raw={"choices": []}, timings=Timings(total=1.0))
    screen.show(result(0, Verdict.CHANGED, pending="a", reply=reply))
    screen.finish()
    assert sitting.err.getvalue().endswith(
        "hint: promptrun accept 'specs/인사.yaml::사람0' takes what changed\n"
    )

    screen.show(result(1, Verdict.CHANGED, pending="b", reply=reply))
    screen.finish()
    assert sitting.err.getvalue().endswith(
        "hint: promptrun review specs/인사.yaml shows one after the other\n"
        "hint: promptrun accept specs/인사.yaml takes what changed\n".replace(
            "specs/인사.yaml", "'specs/인사.yaml'"
        )
    )
