"""The file that ``--env-file`` names: ``KEY=VALUE`` lines, for promptrun's own settings and keys.

Nothing is substituted or run: ``$`` is a character like any other. An error names the line and
never quotes it, since any line may hold a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.config.checker import MAX_ERRORS
from promptrun.config.environment import is_variable_name
from promptrun.errors import Location, UsageError, UsageErrors
from promptrun.files.tree import FileProblem, read_text

if TYPE_CHECKING:
    from pathlib import Path

MAX_CHARACTERS = 1024 * 1024
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read_env_file(path: Path) -> dict[str, str]:
    """Read the variables of a file; UsageErrors with every line that is wrong."""
    try:
        text = read_text(path, pipe=True)
    except FileProblem as problem:
        raise UsageErrors([UsageError(problem.message, hint=problem.hint)]) from None
    if len(text) > MAX_CHARACTERS:
        raise UsageErrors([UsageError(f"`{path}` is larger than {MAX_CHARACTERS // 1024} KiB")])
    return parse_env(text, str(path))


def parse_env(text: str, name: str) -> dict[str, str]:
    r"""The variables of a text; `name` is the file that errors show.

    ``export`` may stand before a name. A value in single quotes is taken as it is; one in double
    quotes knows ``\n \r \t \" \\ \$``; both may go over several lines. Any other value ends with
    its line, or where a space and ``#`` begin a comment.
    """
    if "\0" in text:
        raise UsageErrors([_error("a zero byte", name, text.count("\n", 0, text.index("\0")))])
    values: dict[str, str] = {}
    errors: list[UsageError] = []
    lines = text.split("\n")
    position = 0
    while position < len(lines) and len(errors) < MAX_ERRORS:
        start = position
        try:
            position, entry = _read_entry(lines, position)
        except _LineError as problem:
            # Behind a wrong quote nobody can tell what is meant to stand inside it.
            position = len(lines) if isinstance(problem, _QuoteError) else start + 1
            errors.append(_error(str(problem), name, start))
            continue
        if entry and entry[0] in values:
            errors.append(_error(f"`{entry[0]}` is set twice", name, start))
        elif entry:
            values[entry[0]] = entry[1]
    if errors:
        raise UsageErrors(errors)
    return values


class _LineError(Exception):
    pass


class _QuoteError(_LineError):
    pass


def _error(message: str, name: str, position: int) -> UsageError:
    hint = "a line is `NAME=VALUE`, empty, or a comment that begins with `#`"
    return UsageError(message, location=Location(name, position + 1), hint=hint)


def _read_entry(lines: list[str], position: int) -> tuple[int, tuple[str, str] | None]:
    """The variable that begins at a line, if one does, and the position after it."""
    line = lines[position].strip()
    if not line or line.startswith("#"):
        return position + 1, None
    name, equals, value = line.partition("=")
    name = name.removeprefix("export ").strip()
    if not equals:
        raise _LineError("a line without `=`")
    if not is_variable_name(name):
        raise _LineError("what stands before `=` is not the name of a variable")
    value = value.lstrip()
    if value[:1] in {'"', "'"}:
        position, value = _read_quoted(lines, position, name, value)
    else:
        value = _cut_comment(value)
    return position + 1, (name, value)


def _cut_comment(value: str) -> str:
    if value.startswith("#"):
        return ""
    for mark in (" #", "\t#"):
        value = value.partition(mark)[0]
    return value.rstrip()


def _read_quoted(lines: list[str], position: int, name: str, value: str) -> tuple[int, str]:
    """The value in quotes that begins with `value`, and the position of its last line."""
    quote, rest = value[0], value[1:]
    pieces: list[str] = []
    while True:
        end, piece = _read_piece(rest, quote)
        pieces.append(piece)
        if end is not None:
            break
        position += 1
        if position == len(lines):
            raise _QuoteError(f"the quote that opens the value of `{name}` is never closed")
        rest = lines[position]
    after = rest[end:].strip()
    if after and not after.startswith("#"):
        raise _QuoteError(f"something follows the quoted value of `{name}`")
    return position, "\n".join(pieces)


def _read_piece(text: str, quote: str) -> tuple[int | None, str]:
    """What a line adds to a quoted value, and where it goes on after the closing quote, if any."""
    if quote == "'":
        end = text.find(quote)
        return (None, text) if end < 0 else (end + 1, text[:end])
    piece: list[str] = []
    index = 0
    while index < len(text):
        character = text[index]
        if character == quote:
            return index + 1, "".join(piece)
        if character == "\\" and text[index + 1 : index + 2] in _ESCAPES:
            index += 1
            character = _ESCAPES[text[index]]
        piece.append(character)
        index += 1
    return None, "".join(piece)
