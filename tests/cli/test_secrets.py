from __future__ import annotations

import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.openai_server import Answer, OpenAIServer, error, text
from tests.promptrun_cli import Cli

KEY = "sk-proj-A+/~?&0123456789"
SPEC = """\
model: gpt-4o-mini
messages:
  - {role: user, content: Say your key.}
"""

FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda key: key,
    "base64": lambda key: b64encode(key.encode()).decode(),
    "url-safe base64": lambda key: urlsafe_b64encode(key.encode()).decode(),
    "base64 inside a longer text": lambda key: b64encode(f"Bearer {key}".encode()).decode(),
    "URL-encoded": lambda key: quote(key, safe=""),
    "JSON-escaped": lambda key: key.replace("/", "\\/"),
}
CARRIERS: dict[str, Callable[[str], Answer]] = {
    "a reply": lambda secret: text(f"it is {secret}, I think"),
    "a JSON reply": lambda secret: text(f'{{"key": "{secret}"}}'),
    "a refusal": lambda secret: Answer(refusal=f"not {secret}"),
    "an error": lambda secret: error(400, f"bad key {secret}", code=secret),
    "a header": lambda secret: Answer(content="ok", headers=(("x-request-id", secret),)),
    "a page that is no JSON": lambda secret: Answer(body=f"<p>{secret}</p>".encode()),
    "the served model": lambda secret: Answer(content="ok", model=secret),
}


def read_record(path: Path) -> str:
    """Every row of the record of a run."""
    with closing(sqlite3.connect(path)) as record:
        return "\n".join(record.iterdump())


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stream", ["", "stream: true\n"], ids=["whole", "streamed"])
def test_a_key_ends_up_nowhere_on_disk_or_screen(
    form: str,
    carrier: str,
    stream: str,
    cli: Cli,
    server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    cli.write("promptrun.toml", "")
    cli.write("specs/hello.yaml", SPEC + stream)
    secret = FORMS[form](KEY)
    server.reply = CARRIERS[carrier](secret)

    for options in ((), ("--json",), ("--raw",), ("--update", "none")):
        ran = cli("specs/hello.yaml", *options)
        assert secret not in ran.out + ran.err
        assert KEY not in ran.out + ran.err
    written = "".join(cli.read(name) for name in cli.files())
    assert len(cli.records()) == 4
    written += "".join(map(read_record, cli.records()))
    assert secret not in written
    assert KEY not in written
    # What the server got is the key itself: the check above is of this very text.
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_in_a_prompt_is_masked_before_it_is_written_or_digested(
    cli: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    cli.write("promptrun.toml", "")
    cli.write("specs/hello.yaml", SPEC.replace("your key", KEY))

    cli("specs/hello.yaml")
    shown = cli("show", "specs/hello.yaml", "--as", "json")

    assert KEY in server.requests[0].json["messages"][0]["content"]
    assert "***" in cli.read("snapshots/hello/default.yaml")
    assert KEY not in cli.read("snapshots/hello/default.yaml") + shown.out + shown.err


def test_a_key_in_a_rule_is_masked_before_it_is_judged_by_written_or_sent_to_a_judge(
    cli: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    cli.write("promptrun.toml", "")
    rules = (
        "samples: 4\nexpect:\n  - {contains: '{{ k }}', not: true}\n  - judge: never '{{ k }}'\n"
    )
    cli.write("specs/hello.yaml", SPEC + rules)
    judgement = '{"reason": "fine", "score": 1}'
    server.reply = lambda received: text(
        judgement if b"You judge" in received.body else "I have none."
    )

    ran = cli("specs/hello.yaml", "--var", f"k={KEY}")
    cli.write("specs/hello.yaml", SPEC + rules + f"vars: {{k: '{KEY}'}}\n")
    kept = cli("specs/hello.yaml")

    assert (ran.code, kept.code) == (1, 0)
    assert KEY not in ran.out + ran.err + kept.out + kept.err
    assert "not contains `***`" in cli.read("snapshots/hello/default.yaml")
    assert KEY not in "".join(cli.read(name) for name in cli.files("snapshots"))
    assert not any(KEY.encode() in received.body for received in server.requests)
