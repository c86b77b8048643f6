"""The commonest templates, texts with plain variables in them, rendered without Jinja.

They give what Jinja would give, without loading it, and in a tenth of its time. Anything that
needs a rule of Jinja's, a file, or more of the budget than there is, is left to the sandbox.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from promptrun.render.rows import ONE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from promptrun.render.budget import Budget

_LITERALS = frozenset({"true", "false", "none", "True", "False", "None"})
_WORDS = frozenset({"and", "or", "not", "if", "else", "in", "is", "self", "loop"})
"""With the literals, the names that mean something else to Jinja."""
_PRINTED = (str, int, float, bool, type(None))
"""What `str` prints as Jinja does; a list or a mapping would have to be measured first."""
_OPENING: Final = re.compile(r"\{[{%#]")
_MAX_TEMPLATE = 16 * 1024
_MAX_TEXT = 1024 * 1024
_MOST_BYTES = 4
"""Of one character."""


class _Pieces(NamedTuple):
    """A template that is text and variables: one piece of text more than there are names."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    is_variable: bool
    """Whether it is one variable and nothing else."""


def render_plain(
    template: str, variables: Mapping[str, Any], budget: Budget, *, typed: bool
) -> str | None:
    """The text of a template of plain variables; None where it, or a value, is not plain.

    `typed`: a template that is one variable gives a text only for a text.
    """
    pieces = _split(template)
    if pieces is None:
        return None
    texts, names, is_variable = pieces
    if is_variable:
        value = variables.get(names[0])
        if type(value) is str:
            return value if len(value) <= _MAX_TEXT and _is_unicode(value) else None
        if typed:
            return None
    parts = [texts[0]]
    for name, text in zip(names, texts[1:], strict=True):
        value = variables.get(name, variables)
        if type(value) not in _PRINTED:
            return None
        try:
            parts += str(value), text
        except ValueError:
            return None  # a number with more digits than Python prints
    return _join(parts, budget)


def _join(parts: list[str], budget: Budget) -> str | None:
    length = sum(map(len, parts))
    if length > _MAX_TEXT or length * _MOST_BYTES > budget.bytes or budget.ticks < 1:
        return None
    text = "".join(parts)
    budget.ticks -= 1
    budget.bytes -= text.__sizeof__()
    return text if _is_unicode(text) else None


def _is_unicode(text: str) -> bool:
    """Whether it holds whole characters only; the sandbox says where it does not."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


@lru_cache(maxsize=256)
def _split(template: str) -> _Pieces | None:
    if len(template) > _MAX_TEMPLATE or "\r" in template:
        return None  # Jinja makes every line end the same
    texts: list[str] = []
    names: list[str] = []
    place = 0
    while opening := _OPENING.search(template, place):
        variable = ONE_VARIABLE.match(template, opening.start())
        if variable is None or variable[1] in _LITERALS | _WORDS:
            return None
        texts.append(template[place : opening.start()])
        names.append(variable[1])
        place = variable.end()
    texts.append(template[place:])
    return _Pieces(tuple(texts), tuple(names), len(names) == 1 and not any(texts))
