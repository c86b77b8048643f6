"""``-k EXPR``: which cases are meant, by words of their ids and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    Test = Callable[[str], bool]

LONGEST = 200
"""Words and parentheses: each may cost a level of the stack."""

_OPERATORS = frozenset({"and", "or", "not", "(", ")"})


def compile_keyword(expression: str) -> Test:
    """A test of a text, from words joined by `and`, `or`, `not` and parentheses, as in pytest.

    A word matches where it stands anywhere in the text, in any letter case. Raises UsageError for
    an expression that cannot be read.
    """
    parser = _Parser(expression)
    test = parser.read_or()
    parser.finish()
    return lambda text: test(text.casefold())


class _Parser:
    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._words = expression.replace("(", " ( ").replace(")", " ) ").split()
        self._at = 0
        if len(self._words) > LONGEST:
            raise self._problem(f"it has more than {LONGEST} words")

    def read_or(self) -> Test:
        tests = [self._read_and()]
        while self._accept("or"):
            tests.append(self._read_and())
        return lambda text: any(test(text) for test in tests)

    def _read_and(self) -> Test:
        tests = [self._read_not()]
        while self._accept("and"):
            tests.append(self._read_not())
        return lambda text: all(test(text) for test in tests)

    def _read_not(self) -> Test:
        negated = False
        while self._accept("not"):
            negated = not negated
        test = self._read_word()
        return (lambda text: not test(text)) if negated else test

    def _read_word(self) -> Test:
        if self._accept("("):
            test = self.read_or()
            if not self._accept(")"):
                raise self._problem("a `)` is missing")
            return test
        word = self._peek()
        if word is None or word in _OPERATORS:
            raise self._problem(f"a word is missing {f'before `{word}`' if word else 'at the end'}")
        self._at += 1
        wanted = word.casefold()
        return lambda text: wanted in text

    def finish(self) -> None:
        word = self._peek()
        if word is not None:
            raise self._problem(f"`{word}` does not follow")

    def _peek(self) -> str | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _accept(self, word: str) -> bool:
        if self._peek() == word:
            self._at += 1
            return True
        return False

    def _problem(self, message: str) -> UsageError:
        return UsageError(
            f"cannot read `-k {self._expression}`: {message}",
            hint="join words with `and`, `or`, `not`: -k 'english and not slow'",
        )
