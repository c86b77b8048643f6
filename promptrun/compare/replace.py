"""What a comparison writes over: texts in which what patterns match has given way to a name."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from promptrun.matching.patterns import PatternError, check_replacement, replace, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from promptrun.models import Replacement

SECONDS: Final = 5.0
"""That all replacements of one comparison may take together."""

MAX_GROWTH: Final = 16 * 1024 * 1024
"""Characters by which they may make its texts longer."""


class Replacer:
    """The replacements of one comparison; it remembers what came of each of them.

    One that `check_replacement` refuses is not applied, and is a warning. Where one runs out of its
    time or space, `gave_up` becomes true and nothing is replaced any more: what came before must
    then be read anew, or one side would differ from the other.
    """

    def __init__(self, replacements: Sequence[Replacement]) -> None:
        self.gave_up = False
        self._failures: list[str] = []
        self._usable: list[Replacement] = []
        for one in replacements:
            if reason := check_replacement(one.pattern, one.text):
                self._failures.append(
                    f"`{one.pattern}` under `compare.replace` was not applied: {reason}"
                )
            else:
                self._usable.append(one)
        self._matched: set[str] = set()
        self._known: dict[str, str] = {}
        self._spent = 0.0
        self._grown = 0

    def text(self, text: str) -> str:
        """`text` with every replacement made, one after the other."""
        if self.gave_up:
            return text
        if text not in self._known:
            # Most texts stand on both sides, and the names of things in many places.
            self._known[text] = self._replaced(text)
        return self._known[text]

    def json(self, value: Any) -> Any:
        """A copy of `value` with the replacements made in every text of it, names of keys aside.

        It can be of any depth.
        """
        root = [value]
        waiting: list[Any] = [root]
        while waiting and not self.gave_up:
            container = waiting.pop()
            places = container.items() if isinstance(container, dict) else enumerate(container)
            for place, child in places:
                if isinstance(child, str):
                    container[place] = self.text(child)
                elif isinstance(child, (dict, list)):
                    container[place] = child.copy()
                    waiting.append(container[place])
        return value if self.gave_up else root[0]

    def warnings(self) -> Iterator[str]:
        """What the author of the patterns should know, after all texts went through."""
        yield from self._failures
        for one in self._usable:
            if not self.gave_up and one.pattern not in self._matched:
                yield f"`{one.pattern}` under `compare.replace` matches nothing"

    def _replaced(self, text: str) -> str:
        replaced = text
        for one in self._usable:
            begun = perf_counter()
            try:
                # One that matches may leave a text as it is, so only a search tells.
                if search(one.pattern, replaced) is not None:
                    self._matched.add(one.pattern)
                    replaced = replace(one.pattern, one.text, replaced)
                self._charge(perf_counter() - begun, len(replaced) - len(text))
            except PatternError as error:
                self.gave_up = True
                self._failures.append(f"nothing was replaced under `compare.replace`: {error}")
                return text
        self._grown += max(len(replaced) - len(text), 0)
        return replaced

    def _charge(self, seconds: float, growth: int) -> None:
        self._spent += seconds
        if self._spent > SECONDS:
            raise PatternError(f"the patterns together take more than {SECONDS:g} s")
        if self._grown + growth > MAX_GROWTH:
            raise PatternError(f"the patterns together add more than {MAX_GROWTH:,} characters")
