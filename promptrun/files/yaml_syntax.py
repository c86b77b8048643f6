"""What libyaml says of a text that is not YAML, in words for people who write specs."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from yaml import MarkedYAMLError, YAMLError

from promptrun.errors import SpecError

if TYPE_CHECKING:
    from promptrun.errors import Location
    from promptrun.files.source import Source
    from promptrun.files.yaml_window import Window

_MAX_CHARACTERS_NAMED = 20
# Everything outside YAML's printable set; libyaml refuses a byte order mark inside a text as well.
FORBIDDEN = re.compile(
    r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)

_PROBLEMS: dict[str, tuple[str, str | None]] = {
    "mapping values are not allowed in this context": (
        "a `key: value` cannot stand here",
        "check the indentation, and quote a text that holds `: `",
    ),
    "did not find expected key": (
        "expected a key here",
        "check the indentation, and the quotes and brackets above",
    ),
    "could not find expected ':'": (
        "a key without its `:`",
        "write `key: value`, and quote a text that goes over several lines",
    ),
    "did not find expected '-' indicator": (
        "expected the next `- ` of the list",
        "check the indentation",
    ),
    "did not find expected ',' or ']'": ("a list that `[` opened is not closed", "add the `]`"),
    "did not find expected ',' or '}'": (
        "a mapping that `{` opened is not closed",
        "add the `}`",
    ),
    "did not find expected node content": ("expected a value here", "close the bracket or quote"),
    "found unexpected end of stream": ("the quote that opens here is never closed", None),
    "found unknown escape character": (
        "an escape that YAML does not know",
        "double the backslash, or use single quotes",
    ),
    "found invalid Unicode character escape code": (
        "an escape that names no whole character",
        "write a character beyond U+FFFF itself, or as `\\U0001F600`",
    ),
    "block sequence entries are not allowed in this context": (
        "a list cannot begin here",
        "begin it on a line of its own",
    ),
    # libyaml's own bound, from PyYAML 6.0.4 on; below it the reader has a closer one.
    "exceeded maximum nesting depth": ("nested too deeply", None),
    "found a tab character that violates indentation": (
        "a tab cannot indent",
        "indent with spaces",
    ),
}


def explain(error: YAMLError | UnicodeEncodeError, source: Source) -> list[SpecError]:
    """The errors for what the parser raised: never empty."""
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return [explain_syntax(error, source)]
    return _name_characters(source) or [
        SpecError("this is not YAML", location=source.span(0, 1), hint=None)
    ]


def explain_syntax(error: YAMLError, source: Source | Window) -> SpecError:
    """The error for a text that is not YAML, at the mark that the parser gave."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return SpecError("this is not YAML", location=source.span(0, 1))
    problem = error.problem or "syntax error"
    message, hint = _PROBLEMS.get(problem, (f"this is not YAML: {problem}", None))
    mark = error.problem_mark
    if problem == "found unexpected end of stream" and error.context_mark is not None:
        mark = error.context_mark
    index = mark.index if mark is not None else 0
    location = source.span(index, index + 1)
    if problem == "found character that cannot start any token":
        message, hint = _explain_start(source.piece(index, index + 1))
    if "{{" in location.source or "{%" in location.source:
        hint = "quote a text that holds `{{` or `{%`, or put it behind `|`"
    return SpecError(message, location=location, hint=hint)


def _explain_start(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab cannot indent", "indent with spaces"
    return f"a text that is not quoted cannot begin with `{character}`", "quote the text"


def _name_characters(source: Source) -> list[SpecError]:
    found = islice(FORBIDDEN.finditer(source.text), _MAX_CHARACTERS_NAMED)
    return [name_character(match[0], source.span(*match.span())) for match in found]


def name_character(character: str, location: Location) -> SpecError:
    """The error for a character that `FORBIDDEN` found at a place."""
    code = ord(character)
    half = 0xD800 <= code <= 0xDFFF
    return SpecError(
        f"the {'half' if half else 'control'} character U+{code:04X} cannot stand here",
        location=location,
        hint="remove it" if half else f'write it inside double quotes as `"\\u{code:04x}"`',
    )
