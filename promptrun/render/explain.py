"""What went wrong in a template, in the words of the one who wrote it."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from jinja2.exceptions import (
    TemplateSyntaxError,
)

from promptrun.files.tree import FileProblem
from promptrun.protocol import did_you_mean
from promptrun.render.budget import BudgetError
from promptrun.render.filters import NoNumberError, make_filters, make_tests
from promptrun.render.guard import TooLargeError
from promptrun.render.missing import is_variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.render.budget import Note

_MAX_MESSAGE = 200
_IN_OTHER_WORDS = (
    (RecursionError, "the template nests too deeply, or calls itself without an end"),
    (UnicodeEncodeError, "the text holds half of a character (a lone surrogate)"),
    (MemoryError, "the template takes too much memory"),
)
_QUOTED = re.compile(r"'([^']*)'")
_UNKNOWN = re.compile(r"No (filter|test) named '([^']*)'")


class Problem(NamedTuple):
    """One mistake, and the template and line that it was made in."""

    message: str
    hint: str | None = None
    template: str = ""
    line: int = 1


def missing_name(note: Note, variables: Iterable[str]) -> Problem:
    """A name without a value."""
    if is_variable(note):
        hint = _nearest(note.name, variables) or (
            f"give it under `vars:`, or with `--var {note.name}=…`"
        )
        return Problem(f"the variable `{note.name}` has no value", hint)
    if note.message is not None:
        return Problem(_quoted(note.message))
    if isinstance(note.owner, dict):
        keys = [key for key in note.owner if isinstance(key, str)]
        hint = _nearest(note.name, keys) or f"it has {_listed(keys)}"
        return Problem(f"no key `{note.name}` in this mapping", hint)
    return Problem(f"a {_kind(note.owner)} has no `{note.name}`")


def failure(error: Exception) -> Problem:
    """Anything that rendering raised."""
    template, line = _place(error)
    message, hint = _describe(error)
    return Problem(message, hint, template, line)


def _describe(error: Exception) -> tuple[str, str | None]:
    for kind, words in _IN_OTHER_WORDS:
        if isinstance(error, kind):
            return words, None
    if isinstance(error, BudgetError):
        return str(error), "render less at once: shorter loops, shorter texts"
    problem = error if isinstance(error, FileProblem) else error.__cause__
    if isinstance(problem, FileProblem):
        return problem.message, problem.hint
    message = (getattr(error, "message", None) or str(error) or type(error).__name__)[:_MAX_MESSAGE]
    if unknown := _UNKNOWN.match(message):
        return _unknown_name(*unknown.groups())
    if isinstance(error, TooLargeError):
        return message, "long texts are better variables: `vars: {story: {file: story.txt}}`"
    if isinstance(error, NoNumberError):
        return message, "mend the value, or say what counts instead: `int(default=5)`"
    if isinstance(error, TemplateSyntaxError):
        return f"not a template: {_quoted(message)}", "text in braces is written `{% raw %}…`"
    return f"the template fails: {_quoted(message)}", None


def _unknown_name(kind: str, name: str) -> tuple[str, str]:
    table = make_filters() if kind == "filter" else make_tests()
    names = [known for known in table if known[0].isalpha()]
    hint = _nearest(name, names) or f"there are {_listed(sorted(names))}"
    return f"no {kind} `{name}`", hint


def _place(error: Exception) -> tuple[str, int]:
    if isinstance(error, TemplateSyntaxError):
        return error.name or "", error.lineno
    place = ("", 1)
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = (template.name or "", template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return place


def _quoted(message: str) -> str:
    return _QUOTED.sub(r"`\1`", message).rstrip(".")


def _nearest(name: str, known: Iterable[str]) -> str | None:
    # Data can have a million keys, and the comparison takes the product of the lengths.
    return did_you_mean(name, [other for other in islice(known, 1000) if len(other) <= 80])


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name[:40]}`" for name in names[:40])
    return (shown + (", …" if len(names) > 40 else "")) or "none"


def _kind(value: object) -> str:
    names = {str: "text", list: "list", tuple: "list", int: "number", float: "number"}
    return names.get(type(value), type(value).__name__.lower())
