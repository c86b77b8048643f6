"""Variables without a value: every one of them is noted, and rendering goes on where it can."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined
from jinja2.utils import missing

from promptrun.render.budget import Note, current_budget

if TYPE_CHECKING:
    from collections.abc import Iterator


_MAX_NAME = 100


class Missing(StrictUndefined):
    """``is defined`` and ``default`` work on it; every other use of it is noted.

    Printing it, looping over it and looking into it go on with nothing, so that one run finds
    all the names. Where its value would decide something (a condition, a sum), the string ends
    there: what it would have used afterwards is not known.
    """

    __slots__ = ()

    def note(self) -> None:
        """Remember that its value was wanted here."""
        template, line = _place()
        name = _shown(self._undefined_name)
        note = Note(name, self._undefined_obj, self._undefined_hint, template, line)
        current_budget().notes.setdefault((name, template, line), note)

    def fail(self) -> None:
        """Note it, and end the string: raises UndefinedError."""
        self._fail_with_undefined_error()

    @property
    def _undefined_message(self) -> str:
        # Jinja asks for the message exactly when a use of the value fails.
        self.note()
        return "a value is missing"

    def __str__(self) -> str:  # type: ignore[override] # Jinja's never comes back
        self.note()
        return ""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override] # as above
        self.note()
        return iter(())


def _shown(key: Any) -> str:
    # A key can be anything that is hashed, and long; it is only to be recognized.
    if isinstance(key, str):
        return key[:_MAX_NAME]
    return str(key) if type(key) in {bool, float, int} else f"a {type(key).__name__}"


def is_variable(note: Note) -> bool:
    """Whether it is a variable that the caller of the template could have set."""
    return note.message is None and note.owner is missing


def _place() -> tuple[str, int]:
    """The template that is running, and its line."""
    frame = sys._getframe(1)  # noqa: SLF001 -- a note outside of an exception has no traceback
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            return template.name or "", template.get_corresponding_lineno(frame.f_lineno)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "", 1
