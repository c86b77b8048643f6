"""The example as Markdown that an issue tracker takes, within the size that GitHub allows.

Whatever comes from outside stands in a fence or in a code span, where nothing is markup and
nobody is mentioned.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from promptrun.files.json import pretty
from promptrun.reports.fences import write_code, write_diff
from promptrun.reports.share.commands import REQUEST_FILE, is_long, write_commands
from promptrun.reports.share.fences import Fence, fit
from promptrun.reports.style import visible, visible_json
from promptrun.reports.text import write_outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from promptrun.models import CaseResult, Reply
    from promptrun.reports.share.fences import Piece
    from promptrun.reports.share.shared import Shared, SharedCase, SharedFile

MOST_REPLIES: Final = 5
_LANGUAGES: Final = {"yaml": "yaml", "yml": "yaml", "json": "json", "py": "python", "toml": "toml"}
_END_FOLD: Final = "</details>\n"
_BASE64: Final = re.compile(
    # Sound is sent as bare base64, which is told from a text by its length alone.
    r"(data:[\w.+/-]{1,100};base64,)[A-Za-z0-9+/]{200,}={0,2}|()[A-Za-z0-9+/]{2000,}={0,2}",
    re.ASCII,
)


def write(shared: Shared) -> str:
    """All of it where it fits; else the longest texts are cut, all to the same length."""
    return fit(list(_write_all(shared)))


def _write_all(shared: Shared) -> Iterator[Piece]:
    versions = ", ".join(f"{name} {version}" for name, version in shared.versions.items())
    yield f"# {write_code(shared.title)}\n"
    yield f"Shared from {versions}.\n"
    yield from map(_write_note, shared.notes)
    for case in shared.cases:
        yield from _write_case(case, several=len(shared.cases) > 1)
    yield "## Files\n"
    yield "In a folder of their own, they give the same request.\n"
    for file in shared.files:
        yield from _write_file(file)


def _write_note(text: str) -> str:
    return f"> {write_code(text)}\n"


def _write_case(case: SharedCase, *, several: bool) -> Iterator[Piece]:
    result = case.result
    if several:
        yield f"## {write_code(result.id)}\n"
    causes = result.comparison.causes if result.comparison else ()
    word = f"{result.verdict} ({', '.join(causes)})" if causes else str(result.verdict)
    provider, source = write_code(result.provider), write_code(case.source)
    yield f"**{word}**, provider {provider}; the reply: {source}\n"
    reason = (result.reason,) if result.reason else ()
    yield from map(_write_note, (*reason, *case.notes, *result.notes))
    if result.request is not None:
        yield "### The conversation\n"
        yield from _write_conversation(result.request.body)
    yield from _write_replies(result)
    yield from _write_comparison(result)
    if result.request is not None:
        yield from _write_request(result.request.body)
    for name, text in write_commands(case).items():
        yield _open_fold(f"To repeat it: {name}")
        yield Fence("python" if name == "python" else "sh", visible_json(_name_media(text)))
        yield _END_FOLD


def _write_request(body: dict[str, Any]) -> Iterator[Piece]:
    shown = _without_media(body)
    yield _open_fold("The exact request")
    if shown != body:
        yield "Media are named by what they are; the `.json` form has them.\n"
    if is_long(body):
        yield f"It is `{REQUEST_FILE}` in the commands.\n"
    yield Fence("json", visible_json(pretty(shown)))
    yield _END_FOLD


def _open_fold(name: str) -> str:
    """Behind the empty line, what is folded is Markdown again."""
    return f"<details><summary>{name}</summary>\n"


def _write_conversation(body: Mapping[str, Any]) -> Iterator[Piece]:
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            yield Fence("json", visible_json(pretty(message)))
            continue
        yield f"{write_code(str(message.get('role')))}\n"
        yield from _write_message(message)


def _write_message(message: Mapping[str, Any]) -> Iterator[Piece]:
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        text: Any = part
        if isinstance(part, dict) and part.get("type") == "text":
            text = part.get("text")
        if isinstance(text, str):
            yield Fence("text", visible(text))
        elif text is not None:
            yield Fence("json", visible_json(pretty(_without_media(text))))
    rest = {name: one for name, one in message.items() if name not in {"role", "content"} and one}
    if rest:
        yield Fence("json", visible_json(pretty(_without_media(rest))))


def _write_replies(result: CaseResult) -> Iterator[Piece]:
    if result.failure is not None:
        yield "### The failure\n"
        yield Fence("text", visible(f"{result.failure.kind}: {result.failure.message}"))
    if result.replies:
        yield f"### {len(result.replies):,} replies\n"
        yield from _write_counted(_count(result.replies))
    elif result.reply is not None:
        yield "### The reply\n"
        yield from _write_counted([(result.reply, 1)])
    if result.accepted:
        yield "### The accepted reply\n"
        yield from _write_counted(list(result.accepted))


def _write_counted(counted: list[tuple[Reply, int]]) -> Iterator[Piece]:
    for reply, count in counted[:MOST_REPLIES]:
        if count > 1:
            yield f"{count:,} times:\n"
        for choice in reply.choices:
            if choice.finish_reason not in {"stop", "tool_calls"}:
                yield f"It ended with {write_code(str(choice.finish_reason))}.\n"
            yield from _write_message(choice.message)
    if len(counted) > MOST_REPLIES:
        yield f"… and {len(counted) - MOST_REPLIES:,} other ones\n"


def _count(replies: tuple[Reply, ...]) -> list[tuple[Reply, int]]:
    from promptrun.reports.sets import count_replies

    texts = [pretty([choice.message for choice in one.choices]) for one in replies]
    return count_replies(replies, texts)


def _write_comparison(result: CaseResult) -> Iterator[Piece]:
    comparison = result.comparison
    for heading, differences in (
        ("### What moved in the request\n", comparison.request if comparison else ()),
        ("### What differs in the reply\n", comparison.reply if comparison else ()),
    ):
        if differences:
            yield heading
            lines = [line for one in differences for line in write_diff(one)]
            yield Fence("diff", "\n".join(lines))
    broken = [write_outcome(one) for one in result.outcomes if not one.kept]
    if broken:
        yield "### Broken expectations\n"
        yield Fence("text", "\n".join(broken))


def _write_file(file: SharedFile) -> Iterator[Piece]:
    yield f"### {write_code(file.path)}\n"
    if file.note:
        yield f"{write_code(file.note)}\n"
    if file.text is None:
        where = "the `.json` form has them" if file.base64 else "they are left out"
        yield f"{file.size:,} bytes, SHA-256 `{file.sha256}`; {where}.\n"
        return
    shown = visible(file.text)
    if shown != file.text:
        yield "It holds characters that cannot be seen; here they are escaped.\n"
    if file.text and not file.text.endswith("\n"):
        yield "Its last line has no end.\n"
    yield Fence(_LANGUAGES.get(file.path.rpartition(".")[2].lower(), "text"), shown)


def _without_media(value: Any) -> Any:
    """A JSON value with what is long and base64 named by what it is."""
    if isinstance(value, dict):
        return {key: _without_media(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_media(one) for one in value]
    return _name_media(value) if isinstance(value, str) else value


def _name_media(text: str) -> str:
    def name(match: re.Match[str]) -> str:
        head = match[1] or ""
        return f"{head}… ({len(match[0]) - len(head):,} characters of base64)"

    return _BASE64.sub(name, text)
