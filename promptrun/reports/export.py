"""A request in the forms in which people pass one on: JSON, curl, Python, a conversation.

No form holds a key: each names the environment variable that does.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from promptrun.files.json import pretty
from promptrun.protocol import create_arguments
from promptrun.reports.style import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from promptrun.models import Server

OFFICIAL_URL = "https://api.openai.com/v1"
LONGEST_MEDIA = 60
"""Characters of a data URL that the conversation shows."""


def write_json(body: Mapping[str, Any]) -> str:
    """The request body, indented."""
    return pretty(body)


def write_curl(body: Mapping[str, Any], server: Server, key_env: str) -> str:
    """A command for a POSIX shell; the body stands in a here-document that nothing expands."""
    if server.kind == "azure":
        endpoint = (server.base_url or "").rstrip("/")
        url = f"{endpoint}/openai/deployments/{body['model']}/chat/completions"
        if server.api_version:
            url += f"?api-version={server.api_version}"
        header = f'"api-key: ${key_env}"'
    else:
        url = f"{(server.base_url or OFFICIAL_URL).rstrip('/')}/chat/completions"
        header = f'"Authorization: Bearer ${key_env}"'
    # JSON text has no raw line ends inside its strings, so no line of it can end the document.
    return (
        f"curl {shlex.quote(url)} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -H {header} \\\n"
        f"  --data-binary @- <<'JSON'\n{pretty(body)}\nJSON"
    )


def write_python(body: Mapping[str, Any], server: Server, key_env: str) -> str:
    """A program for the official package that sends exactly this body."""
    azure = server.kind == "azure"
    client = "AzureOpenAI" if azure else "OpenAI"
    options = []
    if server.base_url:
        options.append(f"{'azure_endpoint' if azure else 'base_url'}={server.base_url!r}")
    if azure and server.api_version:
        options.append(f"api_version={server.api_version!r}")
    own_key = key_env != ("AZURE_OPENAI_API_KEY" if azure else "OPENAI_API_KEY")
    if own_key:
        options.append(f"api_key=os.environ[{key_env!r}]")
    lines = ["import os\n"] if own_key else []
    lines += [f"from openai import {client}\n", f"client = {client}({', '.join(options)})"]
    lines.append("response = client.chat.completions.create(")
    lines += [f"    {name}={_literal(value, 1)}," for name, value in create_arguments(body).items()]
    lines.append(")")
    if body.get("stream") is True:
        lines += [
            "for chunk in response:",
            "    for choice in chunk.choices:",
            '        print(choice.delta.content or "", end="", flush=True)',
        ]
    else:
        lines.append("print(response.to_json(indent=2))")
    return "\n".join(lines)


def _literal(value: Any, depth: int) -> str:
    """A Python literal; containers a line an item, texts of several lines a line a string."""
    inner, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, dict) and value:
        rows = [f"{inner}{key!r}: {_literal(item, depth + 1)}," for key, item in value.items()]
        return "\n".join(["{", *rows, f"{outer}}}"])
    if isinstance(value, list) and value:
        rows = [f"{inner}{_literal(item, depth + 1)}," for item in value]
        return "\n".join(["[", *rows, f"{outer}]"])
    if isinstance(value, str) and "\n" in value[:-1]:
        rows = [f"{inner}{line!r}" for line in value.splitlines(keepends=True)]
        return "\n".join(["(", *rows, f"{outer})"])
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return f"float('{value}')"
    return repr(value)


def write_conversation(body: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """The rendered conversation for reading, then every other field and where it came from."""
    lines: list[str] = []
    for message in body["messages"]:
        name = f" ({message['name']})" if message.get("name") else ""
        lines += [f"[{message.get('role')}]{visible(name)}", *_message_lines(message), ""]
    for name, value in body.items():
        if name == "messages":
            continue
        text = value if isinstance(value, str) else pretty(value)
        lines.append(f"{name}: {visible(text)}  ({origins.get(name, 'the spec')})")
    return "\n".join(lines)


def _message_lines(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield visible(content).rstrip("\n")
    for part in content if isinstance(content, list) else ():
        yield _part_line(part)
    rest = {key: value for key, value in message.items() if key not in {"role", "name", "content"}}
    if rest:
        yield visible(pretty(rest))


def _part_line(part: Mapping[str, Any]) -> str:
    if part.get("type") == "text":
        return visible(str(part.get("text")))
    kind = str(part.get("type"))
    media = part.get(kind)
    shown = pretty(_shortened(media))
    return f"<{kind}> {visible(shown)}"


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, str) and len(value) > LONGEST_MEDIA:
        return f"{value[:LONGEST_MEDIA]}… ({len(value)} characters)"
    return value
