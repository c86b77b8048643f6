"""One answer of a server: its headers, and its body as it comes, bounded and in time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from promptrun.providers.openai_chat.failures import NoReply, broken_failure, protocol_failure

if TYPE_CHECKING:
    from promptrun.providers.openai_chat.client import Client
    from promptrun.providers.openai_chat.deadline import Deadline

MAX_REPLY_BYTES = 64 * 1024 * 1024


def read_headers(response: Any) -> dict[str, str]:
    """The headers, their names in lower case; of a name that stands twice the last value counts.

    A response of the HTTP library looks through all of its headers for each one that it is asked
    for.
    """
    return {
        name.lower().decode("latin-1"): value.decode("utf-8", "replace")
        for name, value in response.headers.raw
    }


class Body:
    """The unread body of a response, which is closed by `close` whatever happened between."""

    def __init__(self, response: Any, client: Client, deadline: Deadline) -> None:
        self.headers = read_headers(response)
        self._response = response
        self._client = client
        self._deadline = deadline
        self._size = 0
        # What is not encoded is taken as it comes, past the decoders of the library; an encoding
        # that was not asked for is unfolded in pieces.
        encoded = "content-encoding" in self.headers
        self._chunks = response.aiter_bytes() if encoded else aiter(response.stream)

    async def next(self) -> bytes | None:
        """The next chunk; None at the end. Raises NoReply where it breaks off or grows too big."""
        try:
            chunk: bytes = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._deadline.end_body()
            return None
        except self._client.errors as error:
            raise NoReply(broken_failure(error, self._client)) from error
        self._deadline.chunk_came()
        self._size += len(chunk)
        if self._size > MAX_REPLY_BYTES:
            message = f"the reply is larger than {MAX_REPLY_BYTES // 2**20} MiB"
            raise NoReply(protocol_failure(message, self.headers))
        return chunk

    async def read(self) -> bytes:
        """All of it, closed; raises as `next` does."""
        chunks = []
        try:
            while (chunk := await self.next()) is not None:
                chunks.append(chunk)
        finally:
            await self.close()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def close(self) -> None:
        """Give the connection back, or end it where the body was not read to its end."""
        self._deadline.end_body()
        # What breaks only now takes nothing from what was read.
        with suppress(*self._client.errors):
            await self._chunks.aclose()
            await self._response.aclose()
