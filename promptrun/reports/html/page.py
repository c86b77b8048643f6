"""A whole page: one file that needs no network and runs no script but its own."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from promptrun.reports.html.look import fill, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

END: Final = Markup("</body>\n</html>\n")
"""What ends a page that `open_page` began."""


def read_style() -> str:
    """The style that all pages share."""
    return read_file("style.css")


def write_page(
    title: str,
    body: Markup,
    *,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> str:
    """A page of `body`, which holds its landmarks (``<main>`` at least).

    `scripts` and `styles` are texts of the package's own files, `styles` in addition to the shared
    one; scripts run at the end of the page. Nothing else may run or be loaded.
    """
    parts = [open_page(title, scripts=scripts, styles=styles), body]
    return "".join([*parts, *map(write_script, scripts), END])


def open_page(title: str, *, scripts: Sequence[str] = (), styles: Sequence[str] = ()) -> Markup:
    """Everything up to ``<body>``: the page may hold `scripts`, and `END` ends it."""
    style = Markup("\n".join([read_style(), *styles]))  # noqa: S704 - the package's own files
    return fill("page.html", title=title, style=style, policy=write_policy(style, scripts))


def write_script(script: str) -> Markup:
    """The element of one of the package's own scripts."""
    return Markup("<script>{}</script>\n").format(Markup(script))  # noqa: S704 - as above


def write_policy(style: str, scripts: Sequence[str] = ()) -> str:
    """The Content-Security-Policy that allows this style and these scripts, and nothing else."""
    running = " ".join(map(_source, scripts)) or "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {running}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
