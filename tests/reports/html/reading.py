"""What a page says, read as a browser reads it: elements, attributes, and the blocks of cases."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from io import StringIO
from typing import Any

from promptrun.reports.html import write
from promptrun.reports.report import Report

VOID = {"meta", "link", "img", "input", "br"}
SELF_CLOSED = {"rect", "path", "circle", "g"}


class Page(HTMLParser):
    """Every element with its attributes and its text, in order; unbalanced ones are an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        """The text of each element, without that of the elements in it."""
        self.comments: list[str] = []
        self._open: list[int] = []
        self.feed(str(text))  # a Markup would escape what is added to it
        self.close()
        assert not self._open, [self.elements[at][0] for at in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        at = self._open.pop()
        assert self.elements[at][0] == tag, (self.elements[at], tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]] += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def find(self, tag: str, **attributes: str) -> list[str]:
        """The texts of the elements of that kind with these attributes (`kind` is the class)."""
        wanted = {"class" if name == "kind" else name: one for name, one in attributes.items()}
        return [
            text
            for (name, found), text in zip(self.elements, self.texts, strict=True)
            if name == tag and wanted.items() <= found.items()
        ]


def write_text(report: Report) -> str:
    out = StringIO()
    write(report, out)
    return out.getvalue()


def read_blocks(page: Page, kind: str) -> list[Any]:
    return [one for text in page.find("script", kind=kind) for one in json.loads(text)]


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
