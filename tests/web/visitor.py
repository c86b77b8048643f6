"""A review that is served in a thread of this process, and whoever visits it over real HTTP."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from html.parser import HTMLParser
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from promptrun.errors import PromptrunError
from promptrun.pipeline.options import Options
from promptrun.web.desk import Desk
from promptrun.web.server import serve

PATIENCE = 30.0
PAGE = "X-Promptrun-Page"


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By names in small letters."""
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """Somebody who was given the address; what he sends can be bent by `headers`."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.port is not None
        assert parts.hostname is not None
        self.address = address
        self.name = parts.hostname
        self.port = parts.port
        self.host = parts.netloc
        self.cookie = ""
        self.secret = ""

    def enter(self) -> str:
        """Follow the address, and load the page; gives its HTML."""
        parts = urlsplit(self.address)
        came = self.get(f"{parts.path}?{parts.query}")
        assert came.status == 303, came.text
        self.cookie = came.headers["set-cookie"].partition(";")[0]
        page = self.get(came.headers["location"])
        assert page.status == 200, page.text
        [self.secret] = re.findall(r'name="promptrun-page" content="([^"]+)"', page.text)
        return page.text

    def get(self, path: str, **query: str) -> Answered:
        """GET as a page of the review does, where there is a cookie."""
        return self.send("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, values: object, **changed: str | None) -> Answered:
        """POST as the script does; `changed` are other headers, None for one that is left out."""
        headers = {
            "Origin": f"http://{self.host}",
            "Content-Type": "application/json",
            PAGE: self.secret,
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        kept = {name: value for name, value in headers.items() if value is not None}
        body = values if isinstance(values, bytes) else json.dumps(values).encode()
        return self.send("POST", path, body, **kept)

    def send(
        self, method: str, path: str, body: bytes | None = None, /, **headers: str
    ) -> Answered:
        """Any request, with the cookie."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        whole = {"Cookie": self.cookie, "Accept": "application/json"} | named
        connection = http.client.HTTPConnection(self.name, self.port, timeout=PATIENCE)
        with closing(connection):
            connection.request(method, path, body, whole)
            came = connection.getresponse()
            names = {name.lower(): value for name, value in came.getheaders()}
            return Answered(came.status, names, came.read())

    def settle(self, act: str, key: str | None, shown: str, **filtered: str) -> Answered:
        """Decide on a change, or with None on all that the filter lets through."""
        order = {"act": act, "key": key, "shown": shown, "filter": filtered}
        return self.post("/settle", order)

    def items(self, **filtered: str) -> list[Item]:
        """The list as it is now."""
        return read_items(self.get("/list", **filtered).json["list"])

    def end(self) -> None:
        """Press the button that ends the review."""
        assert self.post("/end", {}).status == 200


class Item(NamedTuple):
    """A change in the list."""

    key: str
    shown: str
    text: str


class _Reader(HTMLParser):
    """What a browser makes of a page: its elements, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read_page(html: str) -> _Reader:
    """The elements and the texts of a page, or of a piece of one."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def read_text(html: str) -> str:
    """What is read on a page, each white space as one."""
    return " ".join("".join(read_page(html).texts).split())


def read_items(html: str) -> list[Item]:
    """The changes of a list."""
    return [
        Item(key, shown, read_text(inner))
        for key, shown, inner in re.findall(
            r'<button[^>]*data-key="([^"]*)" data-shown="([^"]*)">(.*?)</button>', html, re.DOTALL
        )
    ]


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file of a project by its name, without the records of runs."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name != "runs"
    }


@contextmanager
def served(folder: Path, *targets: str, port: int | None = None) -> Iterator[Visitor]:
    """A review of the project, until the block ends; gives a visitor who has not entered."""
    options = Options(targets=targets, cwd=folder, environ={})
    told: Queue[str | PromptrunError] = Queue()
    ended: list[Desk] = []

    def run() -> None:
        try:
            ended.append(serve(options, port=port, opens=False, announce=told.put))
        except PromptrunError as error:
            told.put(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    address = told.get(timeout=PATIENCE)
    if isinstance(address, PromptrunError):
        raise address
    visitor = Visitor(address)
    try:
        yield visitor
    finally:
        with suppress(ConnectionError):  # somebody ended it
            stranger = Visitor(address)
            stranger.enter()
            stranger.end()
        thread.join(PATIENCE)
        assert ended, "the server did not end"
