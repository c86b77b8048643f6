"""The floor of the engine's benchmarks: nothing but the openai package, in its cheapest way.

``python benchmarks/bare.py URL COUNT JOBS [--stream]`` sends COUNT requests, JOBS at once, on the
backend that promptrun uses where it is installed. Replies are thrown away, those of a stream once
their pieces are put together.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import openai

if TYPE_CHECKING:
    from collections.abc import Iterator


def body_of(number: int) -> dict[str, Any]:
    """The request that promptrun sends for the case of that number."""
    story = f"옛날 옛적에 {number}번째 마을에 할머니가 살았습니다"
    return {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "다음 글을 한국어로, 한 문장으로 요약해 주세요."},
            {"role": "user", "content": story},
        ],
        "temperature": 0,
        "max_tokens": 100,
    }


def open_client(url: str) -> openai.AsyncOpenAI:
    """A client on aiohttp, else on the backend that the package has by itself."""
    try:
        backend = openai.DefaultAioHttpClient()
    except (AttributeError, RuntimeError):
        backend = None
    return openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0, http_client=backend)


async def ask(client: openai.AsyncOpenAI, number: int) -> None:
    """One reply, as the JSON that it is."""
    raw = await client.post("/chat/completions", body=body_of(number), cast_to=object)
    assert isinstance(raw, dict)
    assert raw["choices"]


async def ask_stream(client: openai.AsyncOpenAI, number: int) -> None:
    """One streamed reply, its lines parsed here."""
    said = []
    streaming = client.chat.completions.with_streaming_response
    async with streaming.create(**body_of(number), stream=True) as response:
        async for line in response.iter_lines():
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                said += [choice["delta"].get("content") or "" for choice in choices]
    assert "".join(said)


async def ask_all(url: str, count: int, jobs: int, *, streamed: bool) -> None:
    """All requests, by as many workers as there are jobs."""
    numbers = iter(range(count))
    one = ask_stream if streamed else ask

    async def work(numbers: Iterator[int]) -> None:
        for number in numbers:
            await one(client, number)

    async with open_client(url) as client:
        await asyncio.gather(*(work(numbers) for _ in range(jobs)))


if __name__ == "__main__":
    address, how_many, at_once, *rest = sys.argv[1:]
    asyncio.run(ask_all(address, int(how_many), int(at_once), streamed="--stream" in rest))
