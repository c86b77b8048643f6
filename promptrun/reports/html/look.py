"""The package's own files, and the templates that escape and show everything from outside."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from promptrun.reports.style import visible, visible_line

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_TEXT: Final = 200_000
"""Characters of one text that a page shows; what is beyond is counted."""


@cache
def read_file(name: str) -> str:
    """The text of a file of this package, such as ``style.css``."""
    return files(__package__).joinpath(name).read_text("utf-8")


def show(text: str) -> Markup:
    """Text from outside, escaped, with what is hidden in it made visible."""
    return escape(visible(text))


def show_line(text: str) -> Markup:
    """The same for what has to stay on one line."""
    return escape(visible_line(text))


def show_long(text: str) -> Markup:
    """The same as `show` for a text of any size: its beginning, and how much was left out."""
    more = len(text) - MAX_TEXT
    if more <= 0:
        return show(text)
    told = Markup('<span class="more">… {:,} more characters</span>').format(more)
    return show(text[:MAX_TEXT]) + told


def fill(template: str, **values: Any) -> Markup:
    """A template of this package, filled in. Every text in `values` is escaped and made visible."""
    text = _environment().get_template(f"templates/{template}").render(values)
    return Markup(text)  # noqa: S704 - the environment escapes whatever it fills in


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(read_file),
        autoescape=True,
        finalize=_show_value,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"long": show_long, "line": show_line}
    return made


def _show_value(value: Any) -> Any:
    """What a template puts out: a plain text is made visible, so that no template can forget it."""
    if type(value) is Markup:
        return value
    return visible(value) if isinstance(value, str) else value
