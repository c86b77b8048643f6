"""Asking before many requests are paid for."""

from __future__ import annotations

import io
import re
import sys
import time
from typing import Any

import pytest

from promptrun.cli.run_confirm import may_pay, write_payment
from promptrun.cli.screen import Screen
from promptrun.pipeline.confirm import Payment, find_payment
from promptrun.pipeline.options import Options
from promptrun.pipeline.plan import Plan, make_plan
from tests.openai_server import OpenAIServer, text
from tests.promptrun_cli import KEY, Cli
from tests.terminal import before_a_terminal

CASE = "model: gpt-4o-mini\nmessages:\n  - {role: user, content: '{{ who }}님, 안녕하세요?'}\n"
ROWS = f"{CASE}cases: {{file: people.csv}}\n"
ENVIRON = {"OPENAI_API_KEY": KEY, "LLM_KEY": KEY}
LOCAL_SERVER = '[providers.mine]\nbase_url = "http://127.0.0.1:9/v1"\n'


def inline(count: int, more: str = "") -> str:
    """A spec of so many cases."""
    cases = "".join(f"  - {{name: 사람{at}, vars: {{who: '{at}'}}}}\n" for at in range(count))
    return f"{CASE}{more}cases:\n{cases}"


def rows(count: int) -> str:
    return "who\n" + "".join(f"사람 {at}\n" for at in range(count))


def planned(cli: Cli, **more: Any) -> Plan:
    environ = ENVIRON | more.pop("environ", {})
    return make_plan(
        Options(targets=("specs",), cwd=cli.folder, environ=environ, **more), sends=True
    )


@pytest.fixture
def project(cli: Cli) -> Cli:
    cli.write("promptrun.toml", LOCAL_SERVER)
    return cli


# --- what will be paid for


@pytest.mark.parametrize(
    ("spec", "requests"),
    [
        pytest.param(inline(500), None, id="500 cases are not worth a question"),
        pytest.param(inline(501), 501, id="501 cases are"),
        pytest.param(inline(100, "samples: 6\n"), 600, id="every sample is a request"),
        pytest.param(inline(300, "matrix: {temperature: [0, 1]}\n"), 600, id="a matrix multiplies"),
    ],
)
def test_requests_are_counted(project: Cli, spec: str, requests: int | None) -> None:
    project.write("specs/many.yaml", spec)

    payment = find_payment(planned(project))

    assert (payment and payment.requests) == requests
    if payment:
        assert payment.counted
        assert payment.asked == (("openai", "gpt-4o-mini"),)


@pytest.mark.parametrize("provider", ["local", "mine"])
def test_what_this_machine_answers_costs_nothing(project: Cli, provider: str) -> None:
    project.write("specs/many.yaml", inline(501))

    assert find_payment(planned(project, provider=provider)) is None


def test_openai_at_an_address_of_this_machine_costs_nothing(project: Cli) -> None:
    project.write("specs/many.yaml", inline(501))

    environ = {"OPENAI_BASE_URL": "http://localhost:9/v1"}
    assert find_payment(planned(project, environ=environ)) is None


def test_a_long_file_is_not_read_to_its_end_before_the_question(project: Cli) -> None:
    project.write("specs/rows.yaml", ROWS)
    project.write("specs/people.csv", rows(20_000))
    ticks = iter(range(10**6))

    payment = find_payment(planned(project), clock=lambda: next(ticks) / 10_000)

    assert payment is not None
    assert not payment.counted
    assert 4_900 < payment.requests < 5_100


def test_a_run_of_what_moved_counts_only_what_moved(
    asking: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.write("specs/many.yaml", inline(3))
    server.reply = text("네.")
    assert asking("specs").code == 0
    asking.write("specs/many.yaml", inline(4).replace("who: '0'", "who: 새"))
    monkeypatch.setattr("promptrun.pipeline.confirm.UNASKED", 0)

    payment = find_payment(planned(asking, changed=True))

    assert payment is not None
    assert payment.requests == 2


def test_a_bad_row_is_not_paid_for(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("specs/rows.yaml", ROWS)
    project.write("specs/people.csv", f"{rows(2)}too,many\n")
    monkeypatch.setattr("promptrun.pipeline.confirm.UNASKED", 1)

    payment = find_payment(planned(project))

    assert payment is not None
    assert payment.requests == 2


@pytest.mark.parametrize(
    ("payment", "told"),
    [
        pytest.param(
            Payment(requests=1200, counted=True, asked=(("openai", "gpt-4o-mini"),)),
            "this run pays for at least 1,200 requests, to openai (gpt-4o-mini)",
            id="all were counted",
        ),
        pytest.param(
            Payment(requests=15_734, counted=False, asked=(("openai", "gpt-4o-mini"),)),
            "this run pays for more than 15,000 requests, to openai (gpt-4o-mini)",
            id="it took too long",
        ),
        pytest.param(
            Payment(requests=0, counted=False, asked=()),
            "this run pays for a number of requests that takes long to count, to a paid provider",
            id="none of them was met in time",
        ),
        pytest.param(
            Payment(
                requests=501,
                counted=True,
                asked=(
                    ("openai", "a\x1b[2J"),
                    ("openai", KEY),
                    ("회사", ""),
                    ("x", "y"),
                    ("x", "z"),
                ),
            ),
            r"this run pays for at least 501 requests, to openai (a\x1b[2J), openai (***), 회사,"
            " 2 more",
            id="some models of many, and no key",
        ),
    ],
)
def test_the_question_names_who_is_paid(project: Cli, payment: Payment, told: str) -> None:
    project.write("specs/one.yaml", f"{CASE}vars: {{who: 존}}\n")

    assert write_payment(payment, planned(project)) == told


# --- who is asked


class Stream(io.StringIO):
    def __init__(self, *, is_terminal: bool, typed: str = "") -> None:
        super().__init__()
        self._typed = io.BytesIO(typed.encode())
        self._is_terminal = is_terminal

    @property
    def buffer(self) -> io.BytesIO:
        return self._typed

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("typed", "goes_on"),
    [("y\n", True), ("YES\n", True), ("ㅛ\n", True), ("네\n", True), ("n\n", False),
     ("\n", False), ("", False), ("yy\n", False), ("\xff\n", False)],
)  # fmt: skip
def test_only_a_yes_goes_on(
    project: Cli, monkeypatch: pytest.MonkeyPatch, typed: str, *, goes_on: bool
) -> None:
    project.write("specs/many.yaml", inline(501))
    monkeypatch.setattr(sys, "stdin", Stream(is_terminal=True, typed=typed))
    monkeypatch.setattr(sys, "stderr", Stream(is_terminal=True))
    screen = Screen()

    assert may_pay(screen, planned(project), yes=False) is goes_on
    assert isinstance(screen.err, Stream)
    assert screen.err.getvalue().startswith(
        "this run pays for at least 501 requests, to openai (gpt-4o-mini)\nGo on? [y/N]: "
    )


@pytest.mark.parametrize(
    ("terminals", "yes", "more"),
    [
        pytest.param((True, False), False, {}, id="stderr is a file"),
        pytest.param((False, True), False, {}, id="stdin is a pipe"),
        pytest.param((True, True), True, {}, id="--yes"),
        pytest.param((True, True), False, {"resume": "last"}, id="it goes on with another"),
        pytest.param((True, True), False, {"environ": {"CI": "true"}}, id="in CI"),
    ],
)
def test_nobody_is_asked(
    project: Cli,
    monkeypatch: pytest.MonkeyPatch,
    terminals: tuple[bool, bool],
    more: dict[str, Any],
    *,
    yes: bool,
) -> None:
    project.write("specs/many.yaml", inline(501))
    monkeypatch.setattr(sys, "stdin", Stream(is_terminal=terminals[0]))
    monkeypatch.setattr(sys, "stderr", Stream(is_terminal=terminals[1]))
    screen = Screen()

    assert may_pay(screen, planned(project, **more), yes=yes)
    assert isinstance(screen.err, Stream)
    assert screen.err.getvalue() == ""


# --- before a terminal


@pytest.mark.parametrize(
    ("keys", "code", "last"),
    [
        pytest.param("n\n", 4, "nothing was sent; `--yes` goes on without asking\n", id="no"),
        pytest.param("\x03", 130, "interrupted\n", id="Ctrl-C"),
    ],
)
def test_whoever_does_not_want_to_pay_sends_nothing(
    project: Cli, keys: str, code: int, last: str
) -> None:
    project.write("specs/many.yaml", inline(501))
    out = project.folder / "out.txt"
    with before_a_terminal(project, "specs", "--json", out=out, OPENAI_API_KEY=KEY) as terminal:
        terminal.wait_for("Go on? [y/N]: ")
        terminal.type(keys)
        ended, _ = terminal.end()

        assert (ended, out.read_bytes()) == (code, b"")
        assert terminal.seen.endswith(last)
    assert not project.records()


def test_ctrl_c_stops_a_run_which_tells_how_to_go_on(asking: Cli, server: OpenAIServer) -> None:
    asking.write("specs/내 것.yaml", inline(30))
    asking.write("specs/b.yaml", inline(1))
    server.reply = text("네.", delay=0.5)
    with before_a_terminal(
        asking, "specs", "-j2", "--update=none", out=asking.folder / "out.txt"
    ) as terminal:
        terminal.wait_for("2 of 31 done")
        terminal.type("\x03")
        terminal.wait_for("again ends it now")
        code, _ = terminal.end()

    assert code == 130
    assert re.search(
        r"stopping: [12] requests? under way gets? a few seconds; Ctrl-C", terminal.seen
    )
    told = re.search(
        r"\nstopped: interrupted\n  (\d+) of 31 cases have a result\n"
        r"hint: (promptrun specs --jobs 2 --update none --run (\S+)) goes on from here\n$",
        terminal.seen,
    )
    assert told, terminal.seen
    had, paid = int(told[1]), len(server.requests)
    assert had == paid < 31

    server.reply = text("네.")
    ran = asking(*told[2].split()[1:])
    assert ran.code == 1
    assert "31 missing in " in ran.err
    assert len(server.requests) == 31


def test_ctrl_c_twice_ends_a_run_at_once(asking: Cli, server: OpenAIServer) -> None:
    asking.write("specs/many.yaml", inline(30))
    server.reply = text("네.", delay=20.0)
    with before_a_terminal(asking, "specs", "-j2", out=asking.folder / "out.txt") as terminal:
        terminal.wait_for("2 in flight")
        terminal.type("\x03")
        terminal.wait_for("stopping: 2 requests under way get a few seconds")
        time.sleep(0.5)  # a press that comes at once is taken for an echo of the first
        pressed = time.monotonic()
        terminal.type("\x03")
        code, _ = terminal.end()

    assert code == 130
    assert time.monotonic() - pressed < 5
    assert terminal.seen.endswith("interrupted\n")


def test_ctrl_c_ends_a_replay(project: Cli) -> None:
    project.write("specs/rows.yaml", ROWS)
    project.write("specs/people.csv", rows(200_000))
    with before_a_terminal(
        project, "specs", "--replay", out=project.folder / "out.txt"
    ) as terminal:
        terminal.wait_for("missing  specs/rows.yaml")
        terminal.type("\x03")
        code, _ = terminal.end()

    assert code == 130
