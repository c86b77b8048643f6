"""The commands that repeat a case: with promptrun, with curl, and in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.files.json import pretty
from promptrun.reports.export import write_curl, write_python

if TYPE_CHECKING:
    from promptrun.reports.share.shared import SharedCase

LONGEST: Final = 8_000
"""Characters of a request that stands in a command; a longer one is read from a file."""
REQUEST_FILE: Final = "request.json"


def is_long(body: dict[str, Any]) -> bool:
    """Whether the commands read the request from `REQUEST_FILE`."""
    return len(pretty(body)) > LONGEST


def write_commands(case: SharedCase) -> dict[str, str]:
    """Each way to repeat the case, by its name; only promptrun's own where no request is there."""
    request = case.result.request
    if request is None:
        return {"promptrun": case.run}
    body = request.body
    if is_long(body):
        return {
            "promptrun": case.run,
            "curl": _write_short_curl(case, body),
            "python": _write_short_python(case, body),
        }
    return {
        "promptrun": case.run,
        "curl": write_curl(body, case.server, case.key_env),
        "python": write_python(body, case.server, case.key_env),
    }


def _write_short_curl(case: SharedCase, body: dict[str, Any]) -> str:
    """The same command with the body from a file."""
    whole = write_curl({"model": body.get("model")}, case.server, case.key_env)
    return whole.partition("@- <<'JSON'")[0] + f"@{REQUEST_FILE}"


def _write_short_python(case: SharedCase, body: dict[str, Any]) -> str:
    """The same program with the body from a file; what the package does not name goes, too."""
    stream = {"stream": True} if body.get("stream") is True else {}
    whole = write_python({"model": "", "messages": []} | stream, case.server, case.key_env)
    head, call, rest = whole.partition("response = client.chat.completions.create(")
    tail = rest.partition("\n)\n")[2]
    asked = [
        f'with open("{REQUEST_FILE}", encoding="utf-8") as file:',
        "    body = json.load(file)",
        call,
        '    model=body["model"],',
        '    messages=body["messages"],',
        *(["    stream=True,"] if stream else []),
        "    extra_body=body,",
        ")",
    ]
    return "\n".join(["import json", head + "\n".join(asked), tail])
