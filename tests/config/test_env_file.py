from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.config.env_file import parse_env, read_env_file
from promptrun.errors import UsageErrors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("A=b", "b", id="a plain value"),
        pytest.param("  A = b  ", "b", id="spaces around"),
        pytest.param("export A=b", "b", id="export"),
        pytest.param("A=b c", "b c", id="a space inside"),
        pytest.param("A=b # c", "b", id="a comment behind"),
        pytest.param("A=b\t# c", "b", id="a comment behind a tab"),
        pytest.param("A=b#c", "b#c", id="a number sign inside"),
        pytest.param("A= # c", "", id="only a comment"),
        pytest.param("A=", "", id="nothing"),
        pytest.param("A=b=c==", "b=c==", id="equals signs"),
        pytest.param("A=$HOME `id` $(id)", "$HOME `id` $(id)", id="nothing is substituted"),
        pytest.param("A='b # \\n \"c\"'", 'b # \\n "c"', id="single quotes"),
        pytest.param('A="b # \\n \\"c\\" \\$ \\\\ \\x"', 'b # \n "c" $ \\ \\x', id="double quotes"),
        pytest.param("A='b' # c", "b", id="a comment behind quotes"),
        pytest.param("A='b\nc\n d'", "b\nc\n d", id="quotes over lines"),
        pytest.param('A="b\n\nc"', "b\n\nc", id="double quotes over lines"),
        pytest.param("# x\n\n  # y\nA=b\n", "b", id="comments and empty lines"),
        pytest.param("A=가나다", "가나다", id="Korean"),
    ],
)
def test_a_value_is_what_stands_there(text: str, value: str) -> None:
    assert parse_env(text, ".env") == {"A": value}


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        pytest.param("A=1\nB", "a line without `=`", 2, id="no equals sign"),
        pytest.param("1A=1", "not the name of a variable", 1, id="a name with a digit first"),
        pytest.param("A-B=1", "not the name of a variable", 1, id="a name with a hyphen"),
        pytest.param("가=1", "not the name of a variable", 1, id="a name that is not ASCII"),
        pytest.param("=1", "not the name of a variable", 1, id="no name"),
        pytest.param("A=1\nA=2", "`A` is set twice", 2, id="a name twice"),
        pytest.param("\nA='1\nB=2", "is never closed", 2, id="an open quote"),
        pytest.param("A='1' 2", "something follows", 1, id="text behind quotes"),
        pytest.param("A=1\0", "a zero byte", 1, id="a zero byte"),
        pytest.param("A='x\n1\0'", "a zero byte", 2, id="a zero byte in quotes"),
    ],
)
def test_a_wrong_line_is_named(text: str, message: str, line: int) -> None:
    with pytest.raises(UsageErrors) as caught:
        parse_env(text, ".env")
    (error,) = caught.value.errors
    assert message in error.message
    assert str(error.location) == f".env:{line}:1"


def test_every_wrong_line_is_named_at_once() -> None:
    with pytest.raises(UsageErrors) as caught:
        parse_env("A\nB=1\nC\n", ".env")
    assert [error.location.line for error in caught.value.errors if error.location] == [1, 3]


@pytest.mark.parametrize(
    "line", ["sk-0123456789", "sk-0123456789=x", "A='x' sk-0123456789", "A='sk-0123456789"]
)
def test_an_error_never_quotes_a_line(line: str) -> None:
    with pytest.raises(UsageErrors) as caught:
        parse_env(line, ".env")
    (error,) = caught.value.errors
    assert "sk-0123456789" not in str(error)
    assert error.location
    assert not error.location.source


def test_a_file_of_open_quotes_ends_at_the_first() -> None:
    with pytest.raises(UsageErrors) as caught:
        parse_env("A='\n" * 101 + "'", ".env")
    assert len(caught.value.errors) <= 50


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageErrors, match="cannot read"):
        read_env_file(tmp_path / "missing.env")


def test_a_file_of_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(UsageErrors, match="UTF-8"):
        read_env_file(tmp_path / ".env")


def test_a_byte_order_mark_and_windows_line_ends_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    assert read_env_file(tmp_path / ".env") == {"A": "1", "B": "2"}


@settings(deadline=None)  # a busy machine is no mistake
@given(st.dictionaries(st.from_regex(r"[A-Z]{1,3}", fullmatch=True), st.text("ab\"'\\$\n# =")))
def test_double_quotes_can_hold_any_value(values: dict[str, str]) -> None:
    lines = []
    for name, value in values.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append(f'{name}="{escaped}"')
    assert parse_env("\n".join(lines), ".env") == values
