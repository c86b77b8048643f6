"""One example that somebody else can read and repeat: a page, Markdown, or JSON."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptrun.reports.share.shared import Shared

FORMS: Final = {
    "html": "promptrun.reports.share.page",
    "md": "promptrun.reports.share.markdown",
    "json": "promptrun.reports.share.plain",
}
"""Each form, by the ending of its file, and the module that holds it, as `write`."""


def find_form(name: str) -> Callable[[Shared], str]:
    """The function that writes an example in the form of that name; KeyError for none."""
    write: Callable[[Shared], str] = import_module(FORMS[name]).write
    return write
