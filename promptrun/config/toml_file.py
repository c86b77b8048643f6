"""A TOML file and the place of every key in it.

``tomllib`` gives values without places, so a scanner of our own finds the keys. It runs first and
refuses what ``tomllib`` cannot read in time: its work grows with the square of a key's parts, and
nested values recurse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.errors import Location, UsageError
from promptrun.files.tree import FileProblem, links_astray, read_text

if TYPE_CHECKING:
    import re
    from pathlib import Path

    KeyPath = tuple[str | int, ...]

MAX_CHARACTERS = 1024 * 1024
MAX_DEPTH = 32

_TOKENS = (
    r'(?P<name>"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}'
    r"|'''(?:[^']|'(?!''))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'"
    r"""|[^\s\[\]{}=,.#"']++)"""
    r"|(?P<mark>[\[\]{}=,.\n])"
    r"|(?P<skip>#[^\n]*+|[^\S\n]++|.)"
)


class TomlFile:
    """The values of one file, or of one table in it, and where each key stands."""

    __slots__ = ("_keys", "_prefix", "name", "text", "values")

    def __init__(
        self,
        name: str,
        text: str,
        values: dict[str, Any],
        keys: dict[KeyPath, tuple[int, int]],
        prefix: KeyPath = (),
    ) -> None:
        self.name = name
        self.text = text
        self.values = values
        self._keys = keys
        self._prefix = prefix

    def locate(self, path: KeyPath) -> Location:
        """The place of the key at `path`, or of the nearest key above it that is written down."""
        path = self._prefix + path
        while path and path not in self._keys:
            path = path[:-1]
        offset, width = self._keys.get(path, (0, 1))
        return _location(self.name, self.text, offset, width)


def read_toml(path: Path, table: KeyPath = ()) -> TomlFile | None:
    """Read `path`; with `table`, only that table of it, and None where the file has no such table.

    Raises UsageError for a file that cannot be read, is a link out of its folder or to a hidden
    file, is too large or nested too deeply, or is not TOML; a file without `table` is never
    complained about otherwise.
    """
    if links_astray(path, path.parent.resolve()):
        raise UsageError(
            f"`{path.name}` is a link that leads out of the project or to a hidden file",
            hint="put the settings into a file of the project",
        )
    try:
        text = read_text(path)
    except FileProblem as problem:
        raise UsageError(problem.message, hint=problem.hint) from None
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"`{path.name}` is larger than {MAX_CHARACTERS // 1024} KiB")
    if table and str(table[-1]) not in text:
        return None
    try:
        keys = _Scanner(text).run()
    except _TooDeepError as problem:
        raise UsageError(
            f"nested deeper than {MAX_DEPTH} levels",
            location=_location(path.name, text, problem.offset),
        ) from None
    if table and table not in keys:
        return None
    values: Any = _parse(path.name, text)
    for part in table:
        values = values[part]
    if not isinstance(values, dict):
        offset, width = keys[table]
        raise UsageError(
            f"`{table[-1]}` must be a table",
            location=_location(path.name, text, offset, width),
        )
    return TomlFile(path.name, text, values, keys, table)


def _parse(name: str, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"`{name}` is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).rpartition(" (at ")
        location = _location(name, text, _offset_of(text, place))
        raise UsageError(f"not TOML: {message or error}", location=location) from None
    except ValueError:
        # The interpreter's own bound on the digits of a whole number, not part of TOML.
        raise UsageError(f"a number in `{name}` has thousands of digits") from None


def _offset_of(text: str, place: str) -> int:
    """The offset of tomllib's ``line 3, column 5)`` or ``end of document)``."""
    numbers = [
        int(word) for word in place.replace(",", " ").replace(")", " ").split() if word.isdigit()
    ]
    if len(numbers) != 2:
        return len(text)
    line, column = numbers
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1


def _location(name: str, text: str, offset: int, width: int = 1) -> Location:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    source = text[start : end if end >= 0 else len(text)]
    return Location(
        name,
        text.count("\n", 0, offset) + 1,
        offset - start + 1,
        "" if _may_hold_a_key(source) else source,
        width,
    )


def _may_hold_a_key(line: str) -> bool:
    """Whether quoting the line could put a key on a screen or into the log of a CI job."""
    line = line.lower()
    return "@" in line or any(word in line for word in ("key", "secret", "token", "password"))


class _TooDeepError(Exception):
    def __init__(self, offset: int) -> None:
        self.offset = offset


class _Scanner:
    """Finds the keys of a TOML text; what is not TOML is passed over, for tomllib to refuse."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.keys: dict[KeyPath, tuple[int, int]] = {}
        self.lengths: dict[KeyPath, int] = {}
        """How many tables each array of tables has so far."""
        self.table: KeyPath = ()
        """What the last header opened."""
        self.brackets: list[tuple[KeyPath, list[int] | None]] = []
        """The open brackets of a value: their path, and for a list the index of its item."""
        self.parts: list[tuple[str, int, int]] = []
        """The key that is being read: each part with its offset and width."""
        self.header = 0
        self.in_value = False
        self.path: KeyPath = ()
        """Of the value that is being read."""

    def run(self) -> dict[KeyPath, tuple[int, int]]:
        import re

        for token in re.finditer(_TOKENS, self.text, re.DOTALL):
            if token.lastgroup == "skip":
                continue
            if token.lastgroup == "name":
                self._name(token)
            elif token[0] == "\n":
                if not self.brackets:
                    self._next_key()
            elif self.in_value:
                self._mark_in_value(token[0])
            else:
                self._mark_in_key(token[0])
            if len(self.parts) > MAX_DEPTH or len(self.brackets) > MAX_DEPTH:
                raise _TooDeepError(token.start())
        return self.keys

    def _next_key(self) -> None:
        self.parts = []
        self.header = 0
        self.in_value = False

    def _name(self, token: re.Match[str]) -> None:
        if not self.in_value:
            width = token.end() - token.start()
            self.parts.append((_unquote(token[0]), token.start(), width))

    def _mark_in_key(self, mark: str) -> None:
        if mark == "[" and not self.parts and not self.brackets:
            self.header += 1
        elif mark == "]" and self.header and self.parts:
            self.table = self._record((), is_list=self.header == 2)
            self.parts = []
        elif mark == "=":
            self.path = self._record(self.brackets[-1][0] if self.brackets else self.table)
            self.parts = []
            self.in_value = True
        elif mark == "}" and self.brackets:
            self.brackets.pop()
            self.in_value = True

    def _mark_in_value(self, mark: str) -> None:
        path, index = self.brackets[-1] if self.brackets else (self.path, None)
        here = self.path if index is None else (*path, index[0])
        if mark == "[":
            self.brackets.append((here, [0]))
        elif mark == "{":
            self.brackets.append((here, None))
            self._next_key()
        elif mark in "]}" and self.brackets:
            self.brackets.pop()
        elif mark == "," and index is not None:
            index[0] += 1
        elif mark == "," and self.brackets:
            self._next_key()

    def _record(self, path: KeyPath, *, is_list: bool = False) -> KeyPath:
        """Note where each part of the key stands, and give the whole path below `path`."""
        for position, (name, offset, width) in enumerate(self.parts):
            path = (*path, name)
            self.keys.setdefault(path, (offset, width))
            if is_list and position == len(self.parts) - 1:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self.keys.setdefault(path, (offset, width))
        return path


def _unquote(name: str) -> str:
    if name[0] == "'" or (name[0] == '"' and "\\" not in name):
        return name[1:-1]
    if name[0] != '"':
        return name
    import tomllib

    try:
        return str(tomllib.loads(f"name = {name}")["name"])
    except ValueError:
        return name
