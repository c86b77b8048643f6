"""A value of a template as text, and as plain JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError

from promptrun.render.budget import MAX_DEPTH, BudgetError, current_budget
from promptrun.render.missing import Missing

if TYPE_CHECKING:
    from promptrun.render.budget import Budget

_ESCAPED = 6
"""The longest that quoting makes a byte: ``\\u0001``."""
_SCALARS = (str, int, float, bool, type(None))


def text_of(value: Any) -> str:
    """What ``{{ value }}`` prints: a list or a mapping in Python's spelling, as Jinja does.

    A missing variable is noted and prints nothing, so that the next one is found, too. Anything
    that is no data (a macro, a namespace) raises TemplateRuntimeError.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float, type(None))):
        return str(value)
    if isinstance(value, Undefined):
        return str(value)
    budget = current_budget()
    _measure(budget, value, indent=0)
    return str(value)


def json_of(value: Any, indent: int | None = None) -> str:
    """The filter ``tojson``: keys in their order, Korean as Korean, nothing escaped for HTML."""
    if indent is not None and not 0 <= indent <= 16:
        raise TemplateRuntimeError("`tojson` indents by 0 to 16")
    budget = current_budget()
    _measure(budget, value, indent=indent or 0)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON has it: tuples and ranges as lists, keys that are text."""
    if depth > MAX_DEPTH:
        raise BudgetError(f"a value nests more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TemplateRuntimeError("a mapping has a key that is not text")
            require_unicode(key)
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        current_budget().spend(len(value))
        return [plain(item, depth + 1) for item in value]
    _require_data(value)
    require_unicode(value)
    return value


def require_unicode(value: Any) -> None:
    """Refuse half of a character: raises UnicodeEncodeError for a lone surrogate in a text."""
    if isinstance(value, str) and not value.isascii():
        value.encode()


def _measure(budget: Budget, value: Any, *, indent: int) -> None:
    """Count the text that `value` will be, without making it."""
    budget.weigh(value)
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        budget.spend(1, 4 + depth * indent)
        if isinstance(item, str):
            budget.spend(0, item.__sizeof__() * (1 if item.isprintable() else _ESCAPED))
        elif isinstance(item, dict):
            for key in item:
                _require_data(key)
            stack += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, (list, tuple)):
            stack += [(part, depth + 1) for part in item]
        elif isinstance(item, Missing):
            item.fail()
        elif not isinstance(item, range):
            _require_data(item)


def _require_data(value: Any) -> None:
    if isinstance(value, Missing):
        value.fail()
    if not isinstance(value, _SCALARS):
        raise TemplateRuntimeError(f"a {type(value).__name__.lower()} is no text")
