"""Where a wheel lies: the index that pip is set to, read through its simple API."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urldefrag, urljoin

from promptrun.providers.local.fetch.installer import run_installer
from promptrun.providers.local.fetch.web import CutError, read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


class Link(NamedTuple):
    """A file that an index offers."""

    filename: str
    url: str
    sha256: str | None


def find_index(pip: Sequence[str], scratch: Path, waiting: Callable[[], None]) -> str:
    """The index that pip would ask, whichever of its settings says so.

    Raises InstallerError where pip does not run, and CutError where it asks no index.
    """
    settings = run_installer((*pip, "config", "list"), scratch, waiting).decode("utf-8", "replace")
    if re.search(r"\.no-index='(?!0|no|false|off)", settings):
        raise CutError("pip is told to ask no index")
    # The help shows each option's value as the settings leave it.
    text = run_installer((*pip, "download", "--help"), scratch, waiting).decode("utf-8", "replace")
    named = re.search(r"--index-url <url>.*\(default ([^\s()]+)\)", text)
    if named is None:
        raise CutError("pip names no index")
    return named[1]


def find_wheel(index: str, package: str, version: str) -> Link:
    """The wheel of one release. Raises CutError where the index cannot be read or has none."""
    page = read_page(f"{index.rstrip('/')}/{package}/", _ACCEPT)
    links = _read_json(page.url, page.body) if page.is_json else _read_html(page.url, page.body)
    start = f"{package.replace('-', '_')}-{version}-"
    for link in links:
        if link.filename.startswith(start) and link.filename.endswith(".whl"):
            return link
    raise CutError(f"the index has no wheel of `{package}` {version}")


def _read_json(base: str, body: bytes) -> Iterator[Link]:
    try:
        files: list[dict[str, Any]] = json.loads(body)["files"]
        for file in files:
            url = urljoin(base, file["url"])
            yield Link(file["filename"], url, file.get("hashes", {}).get("sha256"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CutError("the index answers with no list of files") from None


def _read_html(base: str, body: bytes) -> Iterator[Link]:
    anchors = _Anchors()
    anchors.feed(body.decode("utf-8", "replace"))
    for href in anchors.found:
        url, fragment = urldefrag(urljoin(base, href))
        named = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment)
        yield Link(url.rpartition("/")[2], url, named[1] if named else None)


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
