"""What templates may do with a value by a dot or an operator: all of it, as tables.

A name that stands in no table does not exist for a template, whatever Python has under it.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import SecurityError
from jinja2.filters import _GroupTuple
from jinja2.runtime import BlockReference, LoopContext
from jinja2.utils import Namespace

from promptrun.render.budget import MAX_BITS, MAX_ITEMS, BudgetError, current_budget
from promptrun.render.text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PLAIN = (
    "count endswith find index isalnum isalpha isascii isdecimal isdigit islower isnumeric isspace "
    "istitle isupper partition removeprefix removesuffix startswith"
)
_OF_CASE = "capitalize casefold lower swapcase title upper"
_OF_LOOPS = "depth depth0 first index index0 last length nextitem previtem revindex revindex0"
# Python looks for each letter in the whole argument, or for the argument from every letter on.
_SLOW = "lstrip rfind rindex rpartition rstrip strip"
_MAX_COMPARED = 100_000_000
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


class Method:
    """A method of a value, not called yet."""

    __slots__ = ("function", "value")

    def __init__(self, function: Callable[..., Any], value: Any) -> None:
        self.function = function
        self.value = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the method gives."""
        return self.function(self.value, *args, **kwargs)


def replace_text(text: str, old: str, new: str, count: int = -1) -> str:
    """`str.replace`, refused before it makes too much."""
    times = text.count(old)
    if count >= 0:
        times = min(times, count)
    current_budget().expect(len(text) + times * max(0, len(new) - len(old)))
    return text.replace(old, new, count)


def join_texts(separator: str, values: Iterable[Any]) -> str:
    """`str.join` for any values; each is printed as ``{{ }}`` prints it."""
    budget = current_budget()
    texts = []
    size = 0
    for value in values:
        budget.tick()
        texts.append(text_of(value))
        size += len(texts[-1])
    budget.expect(size + len(separator) * len(texts))
    return separator.join(texts)


def expect_case(text: str) -> None:
    """Refuse a text that is too long to change its case."""
    # Python takes three characters of four bytes for each, unless all of them are ASCII.
    current_budget().expect(len(text) * (1 if text.isascii() else 3))


def count_lines(text: str) -> int:
    """At least as many as `str.splitlines` makes."""
    return 1 + sum(text.count(end) for end in _LINE_ENDS)


def _of_case(name: str) -> Callable[..., str]:
    function: Callable[..., str] = getattr(str, name)

    def change(text: str) -> str:
        expect_case(text)
        return function(text)

    return change


def _slow(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(str, name)

    def search(text: str, *args: Any) -> Any:
        if args and isinstance(args[0], str):
            require_quick(text, args[0])
        return function(text, *args)

    return search


def require_quick(text: str, wanted: str) -> None:
    """Refuse a search whose time is the product of both lengths."""
    if len(text) * len(wanted) > _MAX_COMPARED:
        raise BudgetError("a template searches for too long a text")


def _split(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    return _few(text.split(sep, maxsplit if 0 <= maxsplit < MAX_ITEMS else MAX_ITEMS))


def _rsplit(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    require_quick(text, sep or "")
    return _few(text.rsplit(sep, maxsplit if 0 <= maxsplit < MAX_ITEMS else MAX_ITEMS))


def _splitlines(text: str, keepends: bool = False) -> list[str]:
    # `split` can be given a bound; this one cannot.
    if count_lines(text) > MAX_ITEMS:
        raise BudgetError(f"a template makes more than {MAX_ITEMS} pieces")
    return text.splitlines(keepends)


def _few(pieces: list[str]) -> list[str]:
    if len(pieces) > MAX_ITEMS:
        raise BudgetError(f"a template makes more than {MAX_ITEMS} pieces")
    return pieces


def _index(values: Iterable[Any], wanted: Any) -> int:
    # Python's own prints `wanted` into its error, however long that gets.
    for index, value in enumerate(values):
        current_budget().tick()
        if value == wanted:
            return index
    raise ValueError("the value is not in the list")


_SEQUENCE: dict[str, Callable[..., Any]] = {
    "count": operator.countOf,
    "index": _index,
}
METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: {
        **{name: getattr(str, name) for name in _PLAIN.split()},
        **{name: _of_case(name) for name in _OF_CASE.split()},
        **{name: _slow(name) for name in _SLOW.split()},
        "join": join_texts,
        "replace": replace_text,
        "rsplit": _rsplit,
        "split": _split,
        "splitlines": _splitlines,
    },
    dict: {
        "get": dict.get,
        "items": lambda value: list(value.items()),
        "keys": lambda value: list(value.keys()),
        "values": lambda value: list(value.values()),
    },
    list: _SEQUENCE,
    tuple: _SEQUENCE,
    LoopContext: {"changed": LoopContext.changed, "cycle": LoopContext.cycle},
}
ATTRIBUTES: dict[type, frozenset[str]] = {
    BlockReference: frozenset(("super",)),
    LoopContext: frozenset(_OF_LOOPS.split()),
    _GroupTuple: frozenset(("grouper", "list")),
}


def range_of(*args: int) -> range:
    """The function `range`: at most 100,000 numbers."""
    numbers = range(*args)
    if numbers and abs((numbers[-1] - numbers[0]) // numbers.step) >= MAX_ITEMS:
        raise BudgetError(f"a template makes a range of more than {MAX_ITEMS} numbers")
    return numbers


def dict_of(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """The function `dict`."""
    return dict(*args, **kwargs)


def namespace_of(*args: Any, **kwargs: Any) -> Namespace:
    """The function `namespace`: what a loop may assign to."""
    return Namespace(*args, **kwargs)


FUNCTIONS = {"range": range_of, "dict": dict_of, "namespace": namespace_of}


def add(left: Any, right: Any) -> Any:
    """``left + right``."""
    if isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
        current_budget().expect(len(left) + len(right))
    return left + right


def _multiply(left: Any, right: Any) -> Any:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, (str, list, tuple)) and isinstance(times, int):
            # A slot of a list weighs more than a character, and `expect` counts characters.
            factor = 1 if isinstance(many, str) else 2
            current_budget().expect(len(many) * max(times, 0) * factor)
    return left * right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS:
        raise BudgetError(f"a template makes a number of more than {MAX_BITS} bits")
    return left**right


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        raise SecurityError("`%` does not format text; join it with `~`")
    return left % right


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": operator.sub,
    "*": _multiply,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": _power,
    "%": _remainder,
}
