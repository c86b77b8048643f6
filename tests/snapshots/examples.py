"""Requests and replies that the tests of snapshots share."""

from __future__ import annotations

from typing import Any

from promptrun.models import CompareRules, Snapshot
from promptrun.snapshots import make_snapshot, record_reply, request_as_kept

PNG = "data:image/png;base64,iVBORw0KGgo="
STORY = "옛날 옛적에 할아버지와 할머니가 살고 있었습니다"


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    default = {"role": "user", "content": STORY}
    return {"model": "gpt-4o-mini", "messages": list(messages or (default,)), **fields}


def reply(*messages: dict[str, Any], finish_reason: str = "stop") -> dict[str, Any]:
    """As the server sends it, with everything that differs between two equal replies."""
    return {
        "id": "chatcmpl-AedfdDSd",
        "object": "chat.completion",
        "created": 19912,
        "model": "gpt-4o-mini-2024-07-18",
        "system_fingerprint": "fp_34232",
        "choices": [
            {
                "index": index,
                "finish_reason": finish_reason,
                "logprobs": None,
                "message": {"role": "assistant", "refusal": None, **message},
            }
            for index, message in enumerate(messages)
        ],
        "usage": {"completion_tokens": 27, "prompt_tokens": 25, "total_tokens": 52},
    }


def text_reply(content: Any) -> dict[str, Any]:
    return reply({"content": content})


def snapshot(
    content: Any = "안녕하세요", *, case: str = "default", spec: str = "specs/a.yaml", **fields: Any
) -> Snapshot:
    return make_snapshot(
        spec,
        case,
        request_as_kept(body(**fields)),
        record_reply(text_reply(content), CompareRules()),
        keep_request=True,
    )


def golden() -> dict[str, Snapshot]:
    """The examples whose files lie in ``golden/``, to be read as a reviewer reads them."""
    system = {
        "role": "system",
        "content": '인물 목록을 다음 json형식으로 출력해 주세요.\n{"people": ["aaa", "bbb"]}\n',
    }
    person = {"role": "user", "content": STORY}
    look = {
        "role": "user",
        "content": [
            {"type": "text", "text": "이미지를 설명해 주세요."},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/cover.jpg"}},
        ],
    }
    weather = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city, now.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    call = {
        "content": None,
        "tool_calls": [
            {
                "id": "call_8mQ",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"unit": "c", "city": "서울"}'},
            }
        ],
    }
    poem = "나 보기가 역겨워\n가실 때에는\n\n말없이 고이 보내 드리우리다.\n"
    people = {"content": '{"people": ["할머니", "할아버지"], "count": 2, "note": null}'}
    made = {
        "korean_json": (
            body(system, person, temperature=0, response_format={"type": "json_object"}),
            reply(people),
        ),
        "multi_line_text": (body(person, stop=["\n\n", "끝"], stream=True), text_reply(poem)),
        "tool_call": (
            body(person, tools=[weather], tool_choice="auto"),
            reply(call, finish_reason="tool_calls"),
        ),
        "two_choices": (
            body(person, n=2, seed=7),
            reply({"content": "안녕하세요, 존님! 만나서 반갑습니다."}, {"content": "반가워요 👋"}),
        ),
        "image": (
            body(look, max_tokens=300),
            text_reply("한 권의 책이 보입니다:\n  - 표지는 파랗다"),
        ),
        "refusal": (
            body(person),
            reply({"content": None, "refusal": "I'm sorry, I can't help with that."}),
        ),
        "windows_lines": (body(person), text_reply("첫째 줄\r\n둘째 줄\r\n")),
    }
    return {
        name: make_snapshot(
            f"specs/{name}.yaml",
            "default",
            request_as_kept(sent),
            record_reply(received, CompareRules()),
            keep_request=True,
        )
        for name, (sent, received) in made.items()
    }
