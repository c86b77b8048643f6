from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.config.toml_file import TomlFile, read_toml
from promptrun.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str, table: tuple[str, ...] = ()) -> TomlFile:
    path = folder / "x.toml"
    path.write_text(text, encoding="utf-8")
    file = read_toml(path, table)
    assert file
    return file


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        pytest.param("a = 1\nb = 2\n", ("b",), "2:1", id="a plain key"),
        pytest.param("[a.b]\nc = 1", ("a", "b"), "1:4", id="a part of a header"),
        pytest.param("[a.b]\n  c = 1", ("a", "b", "c"), "2:3", id="a key below a header"),
        pytest.param("a.b.c = 1", ("a", "b", "c"), "1:5", id="a dotted key"),
        pytest.param("a = {b = 1, c = {d = 2}}", ("a", "c", "d"), "1:18", id="an inline table"),
        pytest.param("a = [\n 1,\n {b = 2}]", ("a", 1, "b"), "3:3", id="a table in a list"),
        pytest.param("a = [[{b = 1}, {b = 2}]]", ("a", 0, 1, "b"), "1:17", id="a list in a list"),
        pytest.param("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1, "b"), "4:1", id="an array of tables"),
        pytest.param("[[a]]\n[a.b]\nc = 1", ("a", 0, "b", "c"), "3:1", id="a table in an array"),
        pytest.param("\"a b\" = 1\n'c.d' = 2", ("c.d",), "2:1", id="a quoted key"),
        pytest.param('"\\u0061" = 1', ("a",), "1:1", id="an escaped key"),
        pytest.param('a = """\nb = 1\n"""\nb = 2', ("b",), "4:1", id="a key behind a long text"),
        pytest.param("a = '''\nb = '1' ''''\nb = 2", ("b",), "3:1", id="a key behind raw text"),
        pytest.param('a = "# \\" ["\nb = 2', ("b",), "2:1", id="a key behind marks in a text"),
        pytest.param("a = 1 # b = [\nb = 2", ("b",), "2:1", id="a key behind a comment"),
        pytest.param("a = 1979-05-27 07:32:00\nb=2", ("b",), "2:1", id="a key behind a date"),
        pytest.param("a = 1\n[b]\n", ("b", "missing"), "2:2", id="the table of a missing key"),
        pytest.param("'가' = 1", (), "1:1", id="the file itself"),
    ],
)
def test_a_key_is_found_where_it_stands(
    tmp_path: Path, text: str, path: tuple[str | int, ...], place: str
) -> None:
    assert str(read(tmp_path, text).locate(path)) == f"x.toml:{place}"


KEYS = st.text("ab#.=[]{}\"'\\ 가", min_size=0, max_size=4)
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text("a\"'\\\n#=[]{},가", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    found = [] if not path or isinstance(path[-1], int) else [path]
    return found + [one for key, inner in pairs for one in paths(inner, (*path, key))]


@settings(deadline=None)  # a busy machine is no mistake
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_of_any_file_is_found(tmp_path_factory: Any, values: dict[str, Any]) -> None:
    text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in values.items())
    assert tomllib.loads(text) == values
    file = read(tmp_path_factory.mktemp("toml"), text)
    for path in paths(values):
        place = file.locate(path)
        lines = text.split("\n")
        shown = lines[place.line - 1][place.column - 1 :][: place.width]
        assert shown == json.dumps(path[-1])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a." * 100_000 + "a = 1", id="a key of many parts"),
        pytest.param("a = " + "[" * 100_000, id="lists in lists"),
        pytest.param("a = " + "{a = " * 100_000, id="tables in tables"),
        pytest.param("[" + "a." * 100_000 + "a]", id="a header of many parts"),
        pytest.param("a = " + "1" * 5000, id="a number of thousands of digits"),
        pytest.param("# " + "x" * 1024 * 1024, id="a large file"),
    ],
)
def test_a_hostile_file_is_refused_at_once(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"deeper than|digits|larger than"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("a = 1\nb = \n", "2:5", id="no value"),
        pytest.param("a = 1\na = 2\n", "2:6", id="a key twice"),
        pytest.param("a = [1,", "1:8", id="the end of the file"),
        pytest.param('a = "', "1:6", id="an open quote"),
    ],
)
def test_what_is_not_toml_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(UsageError, match="not TOML") as caught:
        read(tmp_path, text)
    assert str(caught.value.location) == f"x.toml:{place}"


def test_a_line_that_may_hold_a_key_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "api_key = sk-very-secret")
    assert caught.value.location
    assert caught.value.location.source == ""
    assert "sk-very-secret" not in str(caught.value)


def test_a_table_of_another_file_is_read_alone(tmp_path: Path) -> None:
    file = read(tmp_path, "[tool.promptrun.defaults]\nmodel = 'm'", ("tool", "promptrun"))
    assert file.values == {"defaults": {"model": "m"}}
    assert str(file.locate(("defaults", "model"))) == "x.toml:2:1"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[tool.other]\n", id="no word of it"),
        pytest.param("dependencies = ['promptrun']\n", id="only a dependency"),
        pytest.param("a = 'promptrun'\nb = \n", id="broken elsewhere"),
    ],
)
def test_a_file_without_the_table_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    assert read_toml(path, ("tool", "promptrun")) is None


@pytest.mark.parametrize("leads_to", ["../outside", ".hidden"])
def test_a_link_out_of_the_project_is_refused_and_never_quoted(
    tmp_path: Path, leads_to: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / leads_to).write_text("root:x:0:0")
    (project / "promptrun.toml").symlink_to(leads_to)
    with pytest.raises(UsageError, match=r"`promptrun\.toml` is a link that leads out") as caught:
        read_toml(project / "promptrun.toml")
    assert caught.value.location is None
    assert "root:x" not in repr(vars(caught.value)) + str(caught.value)


def test_a_link_to_a_file_of_the_project_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("a = 1")
    (tmp_path / "promptrun.toml").symlink_to("real.toml")
    file = read_toml(tmp_path / "promptrun.toml")
    assert file
    assert file.values == {"a": 1}
