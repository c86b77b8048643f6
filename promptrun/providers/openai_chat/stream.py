"""A streamed reply: bytes → events → one ``chat.completion``, as if it had come whole.

The events are server-sent events (WHATWG HTML, section 9.2) of which Chat Completions uses the
`data` field alone. The package's own helpers are not used: they fail on choices that come out of
order and take a stream that was cut for one that ended.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.providers.base import OnPiece

DONE = "[DONE]"

_ONCE = frozenset({"id", "type", "name", "role"})
"""Text that is said once, or repeated whole; every other text comes in pieces."""
_PADDING = frozenset({"object", "choices", "obfuscation"})
"""Keys of a chunk that are no part of a whole reply."""
_ORDER = ("id", "object", "created", "model", "choices", "usage", "service_tier")


class StreamError(ValueError):
    """Why the events that came are no reply."""


class EventReader:
    """Cuts the bytes of a stream into the data of its events, wherever the network cut them."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The events that `chunk` completes. Raises StreamError for what is not UTF-8."""
        self._rest.append(chunk)
        if b"\n" in chunk or b"\r" in chunk:
            lines = b"".join(self._rest).splitlines(keepends=True)
            # A carriage return at the very end may be the first half of a line end.
            self._rest = [] if lines[-1].endswith(b"\n") else [lines.pop()]
            yield from self._take(lines)

    def close(self) -> Iterator[str]:
        """An event that the end of the stream leaves without its blank line."""
        lines = [b"".join(self._rest), b""]
        self._rest = []
        yield from self._take(lines)

    def _take(self, lines: list[bytes]) -> Iterator[str]:
        for line in lines:
            bare = line.rstrip(b"\r\n")
            if bare.startswith(b"data:"):
                self._data.append(bare[5:].removeprefix(b" "))
            elif not bare and self._data:
                data, self._data = b"\n".join(self._data), []
                try:
                    yield data.decode("utf-8")
                except UnicodeDecodeError:
                    raise StreamError("an event of the stream is not UTF-8") from None


class _Pieces(list[str]):
    """A text of which more may come."""


class _Calls(dict[int, dict[str, Any]]):
    """Tool calls by their own index, which is not the choice's."""


class Assembler:
    """Adds the chunks of a stream up to the reply that they are the pieces of."""

    def __init__(self, on_piece: OnPiece | None = None) -> None:
        self.first_piece: float | None = None
        """`time.monotonic()` when the first piece of text came."""
        self._on_piece = on_piece
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Any) -> None:
        """Take one chunk; StreamError where it is not in the protocol's form."""
        choices = chunk.get("choices") if isinstance(chunk, dict) else None
        if not isinstance(choices, list):
            raise StreamError("an event of the stream is no `chat.completion.chunk`")
        for key, value in chunk.items():
            # Azure's first chunk has an empty id and model; later nulls overwrite nothing.
            if key not in _PADDING and (value not in (None, "") or key not in self._head):
                self._head[key] = value
        for choice in choices:
            self._add_choice(choice)

    def _add_choice(self, choice: Any) -> None:
        index = choice.get("index", 0) if isinstance(choice, dict) else None
        if type(index) is not int:
            raise StreamError("a choice of the stream has no index")
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise StreamError("a choice of the stream has no delta")
        held = self._choices.get(index) or self._choices.setdefault(index, _new_choice(index))
        _add_logprobs(held, choice.get("logprobs"))
        for key, value in choice.items():
            if key not in {"index", "delta", "logprobs"} and (value is not None or key not in held):
                held[key] = value
        _add_delta(held["message"], delta)
        piece = delta.get("content")
        if isinstance(piece, str) and piece:
            if self.first_piece is None:
                self.first_piece = monotonic()
            if self._on_piece is not None:
                self._on_piece(index, piece)

    def finish(self, expected: int, *, done: bool) -> dict[str, Any]:
        """The whole reply.

        Raises StreamError unless every choice has a finish reason. Some servers leave out the
        closing ``[DONE]``; without it all `expected` choices must have come, too.
        """
        for index, choice in sorted(self._choices.items()):
            if choice["finish_reason"] is None:
                raise StreamError(f"the stream ended before choice {index} was finished")
        if not self._choices or (not done and len(self._choices) < expected):
            raise StreamError("the stream ended before all choices had come")
        found = {**self._head, "object": "chat.completion", "choices": self._whole_choices()}
        if found.get("usage") is None:
            found.pop("usage", None)
        first = {key: found[key] for key in _ORDER if key in found}
        return first | found

    def _whole_choices(self) -> list[dict[str, Any]]:
        return [_whole(choice) for _, choice in sorted(self._choices.items())]


def _new_choice(index: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": None}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": None}


def _add_logprobs(choice: dict[str, Any], logprobs: Any) -> None:
    if not isinstance(logprobs, dict):
        return
    held = choice["logprobs"] = choice["logprobs"] or {}
    for key, value in logprobs.items():
        if isinstance(value, list) and isinstance(held.get(key), list):
            held[key].extend(value)
        elif value is not None or key not in held:
            held[key] = value


def _add_delta(held: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        old = held.get(key)
        if key == "tool_calls" and isinstance(value, list):
            if not isinstance(old, _Calls):
                old = held[key] = _Calls()
            for call in value:
                _add_call(old, call)
        elif value is None or (key in _ONCE and old):
            held.setdefault(key, None)
        elif isinstance(value, str) and key not in _ONCE:
            if isinstance(old, _Pieces):
                old.append(value)
            else:
                held[key] = _Pieces([value])
        elif isinstance(value, dict):
            if not isinstance(old, dict):
                old = held[key] = {}
            _add_delta(old, value)
        else:
            held[key] = value


def _add_call(calls: _Calls, piece: Any) -> None:
    if not isinstance(piece, dict):
        raise StreamError("a tool call of the stream is no object")
    index = piece.get("index")
    if type(index) is not int:
        # Some servers number nothing: a call that has an id begins, one without goes on.
        index = max(calls, default=-1) + (1 if piece.get("id") or not calls else 0)
    rest = {key: value for key, value in piece.items() if key != "index"}
    _add_delta(calls.setdefault(index, {}), rest)


def _whole(value: Any) -> Any:
    if isinstance(value, _Pieces):
        return _joined(value)
    if isinstance(value, _Calls):
        return [_whole(call) for _, call in sorted(value.items())]
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    return value


def _joined(pieces: list[str]) -> str:
    text = "".join(pieces)
    if text.isascii():
        return text
    # A character beyond U+FFFF may come as two escapes in two pieces: halves that must meet.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
