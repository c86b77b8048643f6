"""The example as one page: to read, to copy from, and with the JSON form inside for programs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from promptrun.files.json import pretty
from promptrun.reports.html.look import show_line, show_long
from promptrun.reports.html.page import write_page
from promptrun.reports.html.parts import write_case
from promptrun.reports.share import plain
from promptrun.reports.share.commands import REQUEST_FILE, is_long, write_commands
from promptrun.reports.style import visible_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.reports.share.shared import Shared, SharedCase, SharedFile

BLOCK: str = "promptrun-share"
"""The id of the element that holds the JSON form."""


def write(shared: Shared) -> str:
    """The whole page; it needs no network, and runs nothing."""
    style = files(__package__).joinpath("share.css").read_text("utf-8")
    body = Markup("").join(_write_body(shared))
    return write_page(f"{shared.title} · promptrun", body, styles=[style])


def _write_body(shared: Shared) -> Iterator[Markup]:
    versions = ", ".join(f"{name} {version}" for name, version in shared.versions.items())
    yield Markup('<main class="share">\n<header>\n<h1><bdi>{}</bdi></h1>\n<p>{}</p>\n').format(
        show_line(shared.title), show_line(f"Shared from {versions}")
    )
    yield from map(_write_note, shared.notes)
    yield Markup("</header>\n")
    several = len(shared.cases) > 1
    for case in shared.cases:
        yield Markup('<section class="share-case">\n<h2><bdi>{}</bdi></h2>\n').format(
            show_line(case.result.id) if several else "What was asked and answered"
        )
        yield from _write_case(case)
        yield Markup("</section>\n")
    yield Markup('<section class="share-files">\n<h2>Files</h2>\n<p>{}</p>\n').format(
        "In a folder of their own, they give the same request."
    )
    for file in shared.files:
        yield from _write_file(file)
    yield Markup("</section>\n</main>\n")
    yield _write_block(shared)


def _write_case(case: SharedCase) -> Iterator[Markup]:
    result = case.result
    yield Markup('<p class="share-source">The reply: {}</p>\n').format(show_line(case.source))
    yield from map(_write_note, case.notes)
    yield write_case(result)
    if result.request is not None:
        body = result.request.body
        name = f"The exact request ({REQUEST_FILE})" if is_long(body) else "The exact request"
        yield _write_fold(name, visible_json(pretty(body)))
    for name, text in write_commands(case).items():
        yield _write_fold(f"To repeat it: {name}", text)


def _write_file(file: SharedFile) -> Iterator[Markup]:
    note = f" ({file.note})" if file.note else ""
    if file.text is not None:
        yield _write_fold(f"{file.path}{note}", file.text)
        return
    told = "its bytes are in this page" if file.base64 else "its bytes are left out"
    yield Markup("<p><bdi>{}</bdi>: {}</p>\n").format(
        show_line(f"{file.path}{note}"), f"{file.size:,} bytes, SHA-256 {file.sha256}; {told}"
    )


def _write_fold(name: str, text: str) -> Markup:
    return Markup(
        '<details class="source"><summary><bdi>{}</bdi></summary>'
        '<pre class="text" dir="auto">{}</pre></details>\n'
    ).format(show_line(name), show_long(text))


def _write_note(text: str) -> Markup:
    return Markup('<p class="note" dir="auto"><span class="label">note</span> {}</p>\n').format(
        show_line(text)
    )


def _write_block(shared: Shared) -> Markup:
    r"""The JSON form in an element that nothing runs; ``<`` is ``\u003c`` in it."""
    text: Any = plain.write(shared).rstrip("\n").replace("<", "\\u003c")
    element = Markup('<script type="application/json" id="{}">{}</script>\n')
    return element.format(BLOCK, Markup(text))  # noqa: S704 - nothing in it can end the element
