from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from promptrun.expect import KINDS, Evidence, judge, rule_text
from promptrun.expect.python_load import told
from promptrun.models import Digests, Expectation, Outcome, Snapshot

CHECKS = """
import json
import sys

def kept(text):
    return "할머니" in text

def nothing(text):
    pass

def broken(text):
    return False

def said(text):
    return "왕이 없습니다"

def empty(text):
    return ""

def asserted(text):
    assert "왕" in text, "왕이 없습니다"

def bare(text):
    assert len(text) < 3

def wrong(text):
    people = {}
    return json.dumps(people["x"])

def deep(text):
    return json.loads(text)

def number(text):
    return 1

async def later(text):
    return True

def loud(text):
    print("소리", end="")

def leaves(text):
    sys.exit("it is over")

def three(text, context, more):
    return True

def strict(text, strict=False):
    return strict is False

def two(text, anything):
    return anything.case == "korean"

def optional(text, context=None):
    return context is not None

class Unspeakable(Exception):
    def __str__(self):
        raise ValueError

def unspeakable(text):
    raise Unspeakable

def endless(text):
    return endless(text)

VALUE = 3
"""

TEXT = "할아버지와 할머니"


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "specs"
        self.folder.mkdir()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def judge(self, argument: str, *choices: Any, negated: bool = False, **more: Any) -> Outcome:
        recorded = choices or ({"finish_reason": "stop", "content": TEXT},)
        snapshot = Snapshot(
            spec="specs/people.yaml",
            case="korean",
            digests=Digests(prompt="p", settings="s", model="m"),
            request=None,
            reply={"model": "m", "choices": list(recorded)},
        )
        known: dict[str, Any] = {"root": self.root, "folder": self.folder, "allow_python": True}
        evidence = Evidence(snapshot=snapshot, **known | more)
        rule = Expectation(kind="python", argument=argument, negated=negated)
        return judge([rule], evidence)[0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path.resolve())
    project.write("specs/checks.py", CHECKS)
    return project


def test_a_project_that_is_not_trusted_runs_no_code(project: Project, tmp_path: Path) -> None:
    project.write("specs/evil.py", f"open({str(tmp_path / 'ran')!r}, 'w')\ndef check(text): pass\n")
    found = project.judge("evil.py:check", allow_python=False)
    assert not found.kept
    assert found.error == (
        "this project may not run Python code: it takes `allow_python = true` in its settings, "
        "and `promptrun trust`"
    )
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["kept", "nothing", "strict", "two", "optional"])
def test_a_check_keeps_with_true_or_nothing(project: Project, name: str) -> None:
    found = project.judge(f"checks.py:{name}")
    assert (found.kept, found.error) == (True, None)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("broken", "`broken` returned False", id="by returning False"),
        pytest.param("said", "왕이 없습니다", id="by returning a text"),
        pytest.param("empty", "`empty` returned an empty text", id="even by an empty one"),
        pytest.param("asserted", "왕이 없습니다", id="by an assertion with a message"),
        pytest.param(
            "bare",
            "`assert len(text) < 3` does not hold (checks.py:24)",
            id="by an assertion without one",
        ),
    ],
)
def test_a_check_breaks_and_says_why(project: Project, name: str, says: str) -> None:
    found = project.judge(f"checks.py:{name}")
    assert (found.kept, found.error, found.found) == (False, None, says)
    assert found.where == "choice 1"
    assert project.judge(f"checks.py:{name}", negated=True).kept


def test_a_negated_check_that_holds_is_broken(project: Project) -> None:
    found = project.judge("checks.py:kept", negated=True)
    assert (found.kept, found.found) == (False, "`kept` returned True")


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("checks.py:wrong", "checks.py:28: KeyError: 'x'"),
        pytest.param(
            "checks.py:deep",
            "checks.py:31: JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
            id="an error below it is told by the line in the file",
        ),
        pytest.param("checks.py:leaves", "checks.py:43: SystemExit: it is over", id="sys.exit"),
        pytest.param("checks.py:unspeakable", "checks.py:62: Unspeakable", id="a broken error"),
        pytest.param(
            "checks.py:endless",
            "checks.py:65: RecursionError: maximum recursion depth exceeded",
            id="a recursion without end",
        ),
        pytest.param(
            "checks.py:number",
            "checks.py: `number` returned `int`, and not True, False, None or a text",
            id="a number is neither true nor false",
        ),
        pytest.param(
            "checks.py:later",
            "checks.py: `later` returned `coroutine`, and not True, False, None or a text",
            id="an async function",
        ),
        pytest.param(
            "checks.py:three",
            "checks.py: TypeError: a check is called with `(text)` or with `(text, context)`",
            id="a function of another form",
        ),
        pytest.param("checks.py:none", "`checks.py` has no function `none`", id="no such function"),
        pytest.param("checks.py:VALUE", "`checks.py` has no function `VALUE`", id="a value"),
    ],
)
@pytest.mark.parametrize("negated", [False, True], ids=["plain", "negated"])
def test_a_check_that_fails_is_an_error_and_never_kept(
    project: Project, argument: str, error: str, *, negated: bool
) -> None:
    found = project.judge(argument, negated=negated)
    assert (found.kept, found.error) == (False, error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import nowhere_to_be_found", "broken.py:1: ModuleNotFoundError: No module named"),
        ("x = 1\ndef check(text:\n", "broken.py:2: SyntaxError: '(' was never closed"),
        ("assert 1 > 2, '거짓'", "broken.py:1: AssertionError: 거짓"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_an_error_and_is_tried_once(
    project: Project, text: str, error: str
) -> None:
    project.write("specs/broken.py", text)
    found = project.judge("broken.py:check")
    assert not found.kept
    assert (found.error or "").startswith(error)
    project.write("specs/broken.py", "def check(text): pass")
    assert project.judge("broken.py:check") == found


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("../../outside.py:check", "lies outside the project"),
        ("/etc/outside.py:check", "is an absolute path"),
        (".hidden.py:check", "begins with a dot"),
        ("missing.py:check", "no file `missing.py`"),
        pytest.param("link.py:check", "lies outside the project", id="a link that leads out"),
        pytest.param("folder.py:check", "is not a file", id="a folder"),
    ],
)
def test_a_file_outside_the_project_or_hidden_is_never_loaded(
    project: Project, tmp_path_factory: pytest.TempPathFactory, argument: str, error: str
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "outside.py"
    outside.write_text("def check(text): pass", encoding="utf-8")
    (project.folder / "link.py").symlink_to(outside)
    (project.folder / "folder.py").mkdir()
    project.write("specs/.hidden.py", "def check(text): pass")
    found = project.judge(argument)
    assert not found.kept
    assert error in (found.error or "")


def test_a_check_may_lie_anywhere_below_the_root(project: Project) -> None:
    project.write("lib/shared.py", "def check(text): return '할머니' in text")
    assert project.judge("../lib/shared.py:check").kept


SEEN = """
def check(text, context):
    assert text == '{"people":["왕"]}'
    assert context.json == {"people": ["왕"]}
    assert context.choice["finish_reason"] == "stop"
    assert context.request["model"] == "m"
    assert context.variables == {"story": ["옛날"]}
    assert (context.spec, context.case) == ("specs/people.yaml", "korean")
    context.json.clear()
    context.choice["json"]["people"].append("용")
    context.request["messages"][0]["content"] = "moved"
    context.variables["story"].append("moved")
    for name in ("json", "case", "other"):
        try:
            setattr(context, name, 1)
        except AttributeError:
            continue
        return f"{name} can be set"
"""


def test_a_check_sees_the_reply_and_can_change_nothing_of_it(project: Project) -> None:
    project.write("specs/seen.py", SEEN)
    choice = {"finish_reason": "stop", "json": {"people": ["왕"]}}
    request = {"model": "m", "messages": [{"role": "user", "content": "안녕"}]}
    variables = {"story": ["옛날"]}
    found = project.judge("seen.py:check", choice, request=request, variables=variables)
    assert (found.kept, found.error) == (True, None), found.found
    assert choice["json"] == {"people": ["왕"]}
    assert request["messages"] == [{"role": "user", "content": "안녕"}]
    assert variables == {"story": ["옛날"]}


def test_a_choice_without_text_is_an_empty_text_and_no_json(project: Project) -> None:
    project.write(
        "specs/calls.py",
        "def check(text, context):\n"
        "    return text == '' and context.json is None and context.choice['tool_calls'] == [1]\n",
    )
    called = {"finish_reason": "tool_calls", "tool_calls": [1]}
    assert project.judge("calls.py:check", called).kept


def test_every_choice_is_checked(project: Project) -> None:
    first, second = ({"finish_reason": "stop", "content": text} for text in (TEXT, "왕"))
    found = project.judge("checks.py:kept", first, second)
    assert (found.kept, found.where) == (False, "choice 2")


def test_what_a_check_prints_goes_to_stderr(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("specs/noisy.py", "print('loading')\ndef check(text): print('소리')\n")
    assert project.judge("noisy.py:check").kept
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "loading\n소리\n")


def test_a_file_is_loaded_once(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("specs/once.py", "print('loading')\ndef check(text): pass\n")
    for _ in range(3):
        assert project.judge("once.py:check").kept
    assert capsys.readouterr().err == "loading\n"


def test_a_check_imports_what_lies_beside_it_and_nothing_of_another_folder(
    project: Project,
) -> None:
    for folder, word in (("specs", "할머니"), ("other", "왕")):
        project.write(f"{folder}/helpers.py", f"WORD = '{word}'")
        project.write(f"{folder}/parts/__init__.py", "from parts.one import WORD")
        project.write(f"{folder}/parts/one.py", f"WORD = '{word}'")
        project.write(
            f"{folder}/beside.py",
            "import helpers, parts\n"
            "def check(text): return helpers.WORD in text and parts.WORD in text\n",
        )
    path, modules = list(sys.path), set(sys.modules)
    assert project.judge("beside.py:check").kept
    assert not project.judge("../other/beside.py:check").kept
    assert sys.path == path
    assert not (sys.modules.keys() - modules) & {"helpers", "parts", "parts.one"}


def test_a_file_never_stands_in_for_a_module_of_python(project: Project) -> None:
    project.write(
        "specs/json.py",
        "from dataclasses import dataclass\n"
        "@dataclass\nclass One:\n    text: 'str'\n"
        "def check(text): return One(text).text == text\n",
    )
    before = sys.modules["json"]
    assert project.judge("json.py:check").kept
    assert sys.modules["json"] is before


def test_an_interrupt_ends_the_run(project: Project) -> None:
    project.write("specs/stops.py", "def check(text): raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        project.judge("stops.py:check")


def test_a_failure_of_pytest_inside_a_check_is_an_error(project: Project) -> None:
    project.write("specs/fails.py", "import pytest\ndef check(text): pytest.fail('왕이 없다')\n")
    assert project.judge("fails.py:check").error == "fails.py:2: Failed: 왕이 없다"


def test_a_long_text_of_a_check_is_cut(project: Project) -> None:
    project.write("specs/long.py", "def check(text): return '안' * 100_000\n")
    assert len(project.judge("long.py:check").found) < 400


@pytest.mark.parametrize(
    "argument",
    [
        pytest.param("checks.py", id="no function"),
        pytest.param("checks.py:", id="an empty function"),
        pytest.param("checks.txt:check", id="no Python file"),
        pytest.param("checks:check", id="a module"),
        pytest.param("checks.py:os.system", id="a path of attributes"),
        pytest.param("checks.py:check()", id="a call"),
        pytest.param(":check", id="no file"),
        pytest.param(None, id="nothing"),
        pytest.param(["checks.py:check"], id="a list"),
    ],
)
def test_a_wrong_argument_is_a_problem_with_a_hint(argument: Any) -> None:
    (problem,) = KINDS["python"](argument, ("expect", 0, "python"))
    assert problem.path == ("expect", 0, "python")
    assert (
        problem.hint == "write `python: checks.py:function`, the file relative to the spec's folder"
    )


@pytest.mark.parametrize("argument", ["checks.py:check", "../lib/확인.py:확인"])
def test_a_right_argument_has_no_problem(argument: str) -> None:
    assert KINDS["python"](argument, ()) == []
    assert rule_text(Expectation(kind="python", argument=argument)) == f"python `{argument}`"


def test_an_error_whose_text_ends_the_program_is_told_without_a_text() -> None:
    class Leaving(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert told(Path("checks.py"), Leaving()) == "checks.py: Leaving"
