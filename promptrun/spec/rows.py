"""The rows of a data file, as a stream: one row in memory at a time."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.errors import Location, SpecError, SpecErrors
from promptrun.files.json import canonical, parse
from promptrun.files.source import MAX_LINE_SHOWN
from promptrun.files.tree import FileProblem, check_regular, refuse_korean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TextIO

MAX_ROW_CHARACTERS = 8 * 2**20
MAX_FIELD_CHARACTERS = 4 * 2**20
_MAX_COLUMNS = 10_000
_CSV_PROBLEMS = {
    "unexpected end of data": "the quote that opens here is never closed",
    "',' expected after '\"'": "a text goes on behind its closing quote; double a quote inside it",
}


class Row(NamedTuple):
    """One row: its columns as variables, the values as the file has them."""

    label: str
    """What it is called where it has no name: ``row at line 7``."""
    location: Location
    values: dict[str, Any]

    def locate(self) -> Location:
        """Its place."""
        return self.location


class BadRow(NamedTuple):
    """A row that cannot be read; the ones behind it can."""

    label: str
    error: SpecError


class _RowError(ValueError):
    """Why one row is no row."""


def read_rows(path: Path, name: str) -> Iterator[Row | BadRow]:
    """The rows of the file at `path`, which messages call `name`; its ending says how to read it.

    Raises SpecErrors where the file as a whole is wrong (its header, its YAML), FileProblem where
    it cannot be read or is of another kind.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join(f"`{suffix}`" for suffix in _READERS)
        raise FileProblem(f"`{name}` is no data file", f"its name must end with one of {known}")
    yield from read(path, name)


class _Lines:
    """Lines of a text file, within bounds; a line that is too long is skipped to its end.

    A row that passes a bound within one line spoils only itself. One that does so over several
    lines is most likely a quote that was never closed: its reader stops there, for what follows
    would be cut into rows that nobody wrote, and paid for.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.number = 0
        self.text = ""
        self.left = MAX_ROW_CHARACTERS

    def begin_row(self) -> int:
        """Allow a whole row again; the number of the line at which it begins."""
        self.left = MAX_ROW_CHARACTERS
        return self.number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.file.readline(self.left + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.text = line
        self.left -= len(line)
        if self.left < 0:
            while line and not line.endswith(("\n", "\r")):
                line = self.file.readline(MAX_ROW_CHARACTERS)
            raise _RowError(f"the row is longer than {MAX_ROW_CHARACTERS // 2**20} MiB")
        return line


def _open(path: Path, *, newline: str | None = "") -> TextIO:
    try:
        check_regular(path)
        refuse_korean(path)
        # Bytes that are not UTF-8 come as surrogates, so that they spoil their own row alone.
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    except OSError as error:
        raise FileProblem(f"cannot read `{path.name}`: {error.strerror}") from None


def _read_csv(path: Path, name: str) -> Iterator[Row | BadRow]:
    import csv

    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD_CHARACTERS))
    with _open(path) as file:
        lines = _Lines(file)
        reader = csv.reader(lines, strict=True)
        header = _read_header(reader, name)
        while True:
            start = lines.begin_row()
            try:
                cells = next(reader, None)
                if cells is None:
                    return
                if cells:
                    values = _as_columns(header, cells)
                    yield Row(f"row at line {start}", Location(name, start), values)
            except csv.Error as error:
                yield _bad(name, start, _explain_csv(str(error)), lines)
                if "limit" in str(error) and lines.number > start:
                    return
            except _RowError as error:
                yield _bad(name, start, str(error), lines)
                if lines.left < 0 and lines.number > start:
                    return


def _explain_csv(message: str) -> str:
    if "limit" in message:
        return (
            f"a column is longer than {MAX_FIELD_CHARACTERS // 2**20} MiB; where that is a quote"
            " that is never closed, the rest of the file cannot be told from it"
        )
    return _CSV_PROBLEMS.get(message, f"this is no CSV: {message}")


def _read_header(reader: Iterator[list[str]], name: str) -> list[str]:
    from csv import Error

    try:
        header = [_as_utf8(cell).strip() for cell in next(reader, [])]
    except (Error, _RowError) as error:
        raise _broken(name, f"the header cannot be read: {error}") from None
    if not header:
        raise _broken(name, f"`{name}` has no header", "its first line names the variables")
    if len(header) > _MAX_COLUMNS:
        raise _broken(name, f"the header has {len(header)} columns; the most is {_MAX_COLUMNS}")
    for position, column in enumerate(header, start=1):
        if not column:
            raise _broken(name, f"column {position} of the header has no name")
        if header.index(column) != position - 1:
            raise _broken(name, f"the column `{column}` stands twice in the header")
    return header


def _as_columns(header: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(header):
        raise _RowError(f"columns: {len(cells)} in the row, {len(header)} in the header")
    _as_utf8("".join(cells))
    return {column: cell.replace("\r\n", "\n") for column, cell in zip(header, cells, strict=True)}


def _read_json_lines(path: Path, name: str) -> Iterator[Row | BadRow]:
    with _open(path) as file:
        lines = _Lines(file)
        while True:
            start = lines.begin_row()
            try:
                line = next(lines, None)
                if line is None:
                    return
                if line.strip():
                    values = _as_mapping(parse(_as_utf8(line)))
                    yield Row(f"row at line {start}", Location(name, start), values)
            except _RowError as error:
                yield _bad(name, start, str(error), lines)
            except ValueError as error:
                yield _bad(name, start, f"the row is no JSON: {error}", lines)


def _as_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _RowError("it must be a mapping of variables")
    try:
        # An escape in JSON can name half a character, which no request can hold.
        _as_utf8(canonical(value))
    except RecursionError:
        raise _RowError("nested too deeply") from None
    return value


def _as_utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _RowError("it is not UTF-8") from None
    return text


def _read_yaml(path: Path, name: str) -> Iterator[Row | BadRow]:
    from promptrun.files.yaml_items import read_items

    with _open(path, newline=None) as file:
        items = read_items(file, name)
        if items is None:
            raise _no_list(name)
        for value, location, error in items:
            label = f"row at line {location.line}"
            if error is not None:
                yield BadRow(label, error)
            elif isinstance(value, dict):
                yield Row(label, location, value)
            else:
                message = "the row must be a mapping of variables"
                yield BadRow(label, SpecError(message, location=location))


def _read_json(path: Path, name: str) -> Iterator[Row | BadRow]:
    from promptrun.spec.json_array import read_array

    with _open(path) as file:
        items = read_array(file, MAX_ROW_CHARACTERS)
        if items is None:
            raise _no_list(name)
        for number in count(1):
            label, location = f"row {number}", Location(name, 1)
            try:
                text = next(items, None)
            except ValueError as error:
                if number == 1:
                    raise _broken(name, f"`{name}` is no JSON: {error}") from None
                message = f"row {number} and those behind it cannot be read: {error}"
                yield BadRow(label, SpecError(message, location=location))
                return
            if text is None:
                return
            try:
                yield Row(label, location, _as_mapping(parse(text)))
            except ValueError as error:
                message = f"row {number} cannot be used: {error}"
                yield BadRow(label, SpecError(message, location=location))


def _no_list(name: str) -> SpecErrors:
    hint = "each row is a mapping of variables"
    return _broken(name, f"`{name}` must be a list of rows", hint)


def _broken(name: str, message: str, hint: str | None = None) -> SpecErrors:
    return SpecErrors([SpecError(message, location=Location(name, 1), hint=hint)])


def _bad(name: str, start: int, message: str, lines: _Lines) -> BadRow:
    text = lines.text.rstrip("\r\n") if lines.number == start else ""
    shown = text.encode(errors="replace").decode() if len(text) <= MAX_LINE_SHOWN else ""
    location = Location(name, start, 1, shown, max(1, len(shown)))
    return BadRow(f"row at line {start}", SpecError(message, location=location))


_READERS: dict[str, Callable[[Path, str], Iterator[Row | BadRow]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}
