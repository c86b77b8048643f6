"""A check that is not there is found by the text of its file, and none of it is run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from promptrun.expect.python import check_function
from promptrun.files.tree import FileProblem


def problem(folder: Path, text: str | bytes, name: str = "is_polite") -> str | None:
    (folder / "checks.py").write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        check_function(f"checks.py:{name}", folder, folder)
    except FileProblem as found:
        return found.message
    return None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def is_polite(text): ...", id="a function"),
        pytest.param("async def is_polite(text): ...", id="an async function"),
        pytest.param("class is_polite: ...", id="a class"),
        pytest.param("is_polite = lambda text: True", id="an assignment"),
        pytest.param("a, (is_polite, b) = make()", id="an assignment to several"),
        pytest.param("from x import is_polite", id="an import"),
        pytest.param("from x import polite as is_polite", id="an import under another name"),
        pytest.param("from x import *", id="an import of everything"),
        pytest.param("if a:\n  pass\nelse:\n  def is_polite(text): ...", id="under a condition"),
        pytest.param("try:\n  from x import is_polite\nexcept E: ...", id="under try"),
        pytest.param("def set():\n  global is_polite\n  is_polite = 1\nset()", id="a global"),
        pytest.param("match a:\n  case [*is_polite]: ...", id="a pattern"),
        pytest.param("def __getattr__(name): ...", id="attributes that are made up"),
        pytest.param("globals()['is_' + 'polite'] = print", id="a name that is put together"),
        pytest.param("'\\d'\ndef is_polite(text): ...", id="behind what Python warns of"),
        pytest.param("# coding: cp949\n# 안녕\nis_polite = 1".encode("cp949"), id="in CP949"),
        pytest.param(f"a = {'-' * 100_000}1\ndef other(): ...", id="a tree too deep to tell"),
        pytest.param("#" * 2**20 + "\n", id="a file too large to tell"),
    ],
)
def test_what_may_define_the_function_counts(tmp_path: Path, text: str | bytes) -> None:
    assert problem(tmp_path, text) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="an empty file"),
        pytest.param("def is_short(text): ...", id="another function"),
        pytest.param("class Checks:\n  def is_polite(self, text): ...", id="a method"),
        pytest.param("def outer():\n  def is_polite(text): ...", id="a function in a function"),
        pytest.param("# def is_polite(text): ...", id="a comment"),
        pytest.param("'''def is_polite(text): ...'''", id="a text"),
    ],
)
def test_what_does_not_define_the_function_is_a_mistake(tmp_path: Path, text: str) -> None:
    assert problem(tmp_path, text) == "`checks.py` has no function `is_polite`"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def is_polite(text:\n", "`checks.py` is no Python: '(' was never closed (line 1)"),
        (b"is_polite = '\0'", "`checks.py` is no Python: source code string cannot contain null"),
        ("is_polite = '안녕'".encode("cp949"), "`checks.py` is no Python: "),
    ],
    ids=["a bracket that is never closed", "a zero byte", "an encoding that it does not name"],
)
def test_a_file_that_is_no_python_is_a_mistake(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    assert (problem(tmp_path, text) or "").startswith(message)


def test_nothing_of_the_file_is_run(tmp_path: Path) -> None:
    text = f"open({str(tmp_path / 'ran')!r}, 'w').close()\ndef is_polite(text): ..."

    assert problem(tmp_path, text) is None
    assert not (tmp_path / "ran").exists()


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    assert problem(tmp_path, "def is_short(text): ...") is not None
    assert problem(tmp_path, "def is_polite(text): ...") is None


@pytest.mark.parametrize("name", ["../checks.py", "/checks.py", ".checks.py", "folder.py"])
def test_no_file_outside_of_the_project_is_looked_into(tmp_path: Path, name: str) -> None:
    root = tmp_path / "project"
    (root / "folder.py").mkdir(parents=True)
    (root / ".checks.py").write_text("is_polite = 1", "utf-8")
    (tmp_path / "checks.py").write_text("is_polite = 1", "utf-8")
    with pytest.raises(FileProblem):
        check_function(f"{name}:is_polite", root, root)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checks.py")
    with pytest.raises(FileProblem, match="is not a file"):
        check_function("checks.py:is_polite", tmp_path, tmp_path)


def test_a_strangers_file_takes_a_few_seconds_at_most(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert problem(tmp_path, "".join(f"a{n}=0\n" for n in range(100_000))) is not None
    assert time.monotonic() - begun < 10
