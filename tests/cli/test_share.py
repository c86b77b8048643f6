"""``promptrun share``: what is in the file, what never is, and that it can be repeated."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import pytest
from msgspec import structs

from promptrun.models import CaseResult, Verdict
from promptrun.pipeline.share.bounds import Bounds
from promptrun.pipeline.share.texts import map_texts
from tests.openai_server import Answer, OpenAIServer, text
from tests.promptrun_cli import KEY, Cli, Ran
from tests.reports.report_example import reply_of

PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PAGE = Path(__file__).parent.parent.parent / "docs" / "sharing.md"
GITHUB_KEY = "ghp_" + "a1B2" * 9
SAID = "옛날 옛적에 깊은 산속에 토끼가 한 마리 살았습니다"
HELLO = """\
# 인사
model: gpt-4o-mini
messages:
  - {role: user, content: "{{ greeting }}"}
vars: {greeting: 안녕하세요}
"""


@pytest.fixture
def project(asking: Cli) -> Cli:
    asking.write("specs/hello.yaml", HELLO)
    return asking


def share(cli: Cli, *words: str) -> dict[str, Any]:
    """The JSON form of an example."""
    ran = cli("share", *words, "-o", "-", "--as", "json")
    assert ran.code == 0, ran.err
    value: dict[str, Any] = json.loads(ran.out, parse_constant=pytest.fail)
    return value


def unpack(cli: Cli, shared: dict[str, Any]) -> Path:
    """The files of an example in a folder of their own, by the program of the documentation."""
    [program] = re.findall(r"(?s)```python\n(# unpack.py.+?)```", PAGE.read_text("utf-8"))
    place = cli.folder.parent / "elsewhere"
    file = cli.folder.parent / "example.json"
    file.write_text(json.dumps(shared), "utf-8")
    subprocess.run([sys.executable, "-c", program, str(file), str(place)], check=True)
    return place


def show(cli: Cli, *words: str, cwd: Path | None = None) -> str:
    ran = cli("show", *words, "--as", "json", cwd=cwd)
    assert ran.code == 0, ran.err
    return ran.out


PROJECTS: dict[str, tuple[str, dict[str, str]]] = {
    "one spec": ("specs/a.yaml", {"specs/a.yaml": HELLO}),
    "a template that includes others": (
        "specs/a.yaml",
        {
            "specs/a.yaml": "model: m\nmessages:\n"
            "  - role: system\n    content: {file: '../prompts/{{ name }}.md'}\n"
            "  - {role: user, content: \"{% include '../prompts/_tail.md' %}\"}\n"
            "vars: {name: 시스템}\n",
            "prompts/시스템.md": "{% from '_macros.md' import shout %}{{ shout('네') }}\n",
            "prompts/_macros.md": "{% macro shout(x) %}{{ x }}!{% endmacro %}",
            "prompts/_tail.md": "끝\r\n",
        },
    ),
    "turns from a file": (
        "specs/a.yaml",
        {
            "specs/a.yaml": "model: m\nmessages:\n  - messages_from: data/_turns.yaml\n"
            "  - {role: user, content: '{{ story.title }}'}\n"
            "vars: {story: {file: data/story.json}}\n",
            "specs/data/_turns.yaml": "- {role: user, content: {file: said.txt}}\n"
            "- {role: assistant, content: 네}\n",
            "specs/data/said.txt": "여보세요?",
            "specs/data/story.json": '{"title": "호랑이"}',
        },
    ),
    "a row of a CSV file": (
        "specs/a.yaml::지수",
        {
            "specs/a.yaml": "model: m\nmessages:\n  - {role: user, content: '{{ text }}'}\n"
            "cases: {file: ../rows.csv}\n",
            "rows.csv": 'name,text\n민수,비밀 하나\n지수,"안녕, ""지수""\n둘째 줄"\n영희,비밀 둘\n',
        },
    ),
    "a row without a name, in a matrix": (
        "specs/a.yaml::a931698523cbd6e2,model=b",
        {
            "specs/a.yaml": "messages:\n  - {role: user, content: '{{ text }}'}\n"
            "matrix: {model: [a, b]}\ncases: {file: rows.jsonl}\n",
            "specs/rows.jsonl": '{"text": "비밀"}\n{"text": "안녕"}\n',
        },
    ),
    "rows of YAML": (
        "specs/a.yaml::2",
        {
            "specs/a.yaml": "model: m\nmessages:\n  - {role: user, content: '{{ text }}'}\n"
            "cases: {file: rows.yaml}\n",
            "specs/rows.yaml": "- {id: 1, text: 비밀}\n- id: 2\n  text: |\n    안녕\n    둘\n",
        },
    ),
    "rows of JSON": (
        "specs/a.yaml::b",
        {
            "specs/a.yaml": "model: m\nmessages:\n  - {role: user, content: '{{ text }}'}\n"
            "cases: {file: rows.json}\n",
            "specs/rows.json": '[{"id": "a", "text": "비밀"}, {"id": "b", "text": "안녕"}]',
        },
    ),
    "defaults of the project": (
        "specs/a.yaml",
        {
            "specs/a.yaml": "messages: [{role: user, content: 안녕}]\n",
            "promptrun.toml": 'provider = "openai"\n[defaults]\nmodel = "m \\"q\\" 한"\n'
            "[defaults.parameters]\ntemperature = 0.5\nstop = ['a', '끝\\n']\nlogprobs = true\n"
            "[defaults.parameters.logit_bias]\n50256 = -100\n",
        },
    ),
    "a rule in Python, a judge and a schema": (
        "specs/a.yaml",
        {
            "specs/a.yaml": "model: m\nmessages: [{role: user, content: 안녕}]\nexpect:\n"
            "  - python: checks.py:polite\n  - judge: {spec: _judge.yaml, rubric: 공손하다}\n"
            "  - json_schema: {file: schema.json}\n",
            "specs/checks.py": "def polite(text, context):\n    return True\n",
            "specs/_judge.yaml": "model: m\nmessages:\n"
            "  - {role: user, content: '{{ rubric }}: {{ reply }} json'}\n"
            "response_format: {type: json_object}\n",
            "specs/schema.json": '{"type": "object"}',
        },
    ),
    "a spec beside nothing": ("a.yaml", {"a.yaml": HELLO}),
}


@pytest.mark.parametrize(("target", "files"), PROJECTS.values(), ids=PROJECTS)
def test_the_files_of_an_example_give_the_same_request(
    target: str, files: dict[str, str], asking: Cli
) -> None:
    for name, content in files.items():
        asking.write(name, content)

    shared = share(asking, target)

    place = unpack(asking, shared)
    assert shared["notes"] == []
    assert "비밀" not in json.dumps(shared, ensure_ascii=False)
    assert show(asking, target, cwd=place) == show(asking, target)
    assert json.loads(show(asking, target)) == shared["cases"][0]["request"]


def test_an_image_comes_along_with_its_case(project: Cli) -> None:
    spec = (
        "model: m\nmessages:\n  - role: user\n    content:\n"
        "      - {type: text, text: 무엇인가요?}\n"
        "      - {type: image_url, image_url: {url: ../images/a.png}}\n"
        "      - {type: image_url, image_url: {url: '{{ other }}'}}\n"
        "vars: {other: {file: b.png}}\n"
    )
    project.write("specs/look.yaml", spec)
    for name in ("images/a.png", "specs/b.png"):
        project.write(name, "").write_bytes(PNG)

    shared = share(project, "specs/look.yaml")

    place = unpack(project, shared)
    assert (place / "images/a.png").read_bytes() == PNG
    assert show(project, "specs/look.yaml", cwd=place) == show(project, "specs/look.yaml")


def test_what_the_files_do_not_give_is_told(project: Cli) -> None:
    project.write("specs/_a.md", "하나")
    project.write(
        "specs/hello.yaml",
        "model: m\nmessages:\n  - {role: user, content: \"{% include '_' ~ x %}\"}\n"
        "vars: {x: a.md}\n",
    )

    shared = share(project, "specs/hello.yaml")

    [note] = shared["notes"]
    assert note.startswith("the files alone do not give the request of `specs/hello.yaml::default`")


def fenced_files(markdown: str) -> dict[str, str]:
    """The text below each heading that names a file, as a hand would copy it."""
    files: dict[str, str] = {}
    for part in re.split(r"(?m)^### `", markdown[markdown.index("\n## Files\n") :])[1:]:
        name, _, rest = part.partition("`\n")
        [(_, body)] = re.findall(r"(?ms)^(`{3,})\w*\n(.*?)^\1$", rest)
        files[name] = body
    return files


@pytest.mark.parametrize("name", ["one spec", "turns from a file", "a row of a CSV file"])
def test_the_files_of_an_issue_give_the_same_request(name: str, asking: Cli) -> None:
    target, files = PROJECTS[name]
    for file, content in files.items():
        asking.write(file, content)

    ran = asking("share", target, "-o", "issue.md")

    assert ran.code == 0, ran.err
    place = asking.folder.parent / "elsewhere"
    page = asking.read("issue.md")
    sections = {file: page.split(f"\n### `{file}`\n\n")[1] for file in fenced_files(page)}
    for file, content in fenced_files(page).items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        unended = not files.get(file, content).endswith("\n")
        assert sections[file].startswith("Its last line has no end.") == unended
        (place / file).write_text(content[:-1] if unended else content, "utf-8")
    assert show(asking, target, cwd=place) == show(asking, target)


def test_the_commands_send_the_same_body(project: Cli, server: OpenAIServer) -> None:
    body = json.loads(show(project, "specs/hello.yaml"))
    [case] = share(project, "specs/hello.yaml")["cases"]

    subprocess.run(
        [sys.executable, "-c", case["commands"]["python"]], check=True, capture_output=True
    )

    assert server.requests[0].json == body
    assert "https://api.openai.com/v1/chat/completions" in case["commands"]["curl"]


@pytest.mark.parametrize("stream", ["", "stream: true\n"], ids=["whole", "streamed"])
def test_the_short_program_sends_the_long_body(
    stream: str, project: Cli, server: OpenAIServer, tmp_path: Path
) -> None:
    project.write("specs/hello.yaml", f"{HELLO}{stream}extra_body: {{own: {'길' * 9_000}}}\n")
    [case] = share(project, "specs/hello.yaml")["cases"]
    (tmp_path / "request.json").write_text(json.dumps(case["request"]), "utf-8")

    ran = subprocess.run(
        [sys.executable, "-c", case["commands"]["python"]],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )

    assert server.requests[0].json == case["request"]
    assert ran.stdout


def source(cli: Cli, *words: str) -> str:
    [case] = share(cli, "specs/hello.yaml", *words)["cases"]
    return f"{case['from']}: {case['result']['reply'] and reply_text(case['result']['reply'])}"


def reply_text(raw: dict[str, Any]) -> str:
    return str(raw["choices"][0]["message"]["content"])


def test_the_reply_that_is_shared_is_the_newest_to_this_very_request(
    project: Cli, server: OpenAIServer
) -> None:
    assert source(project) == "none is known, the request alone: None"
    server.reply = text("하나")
    project("specs/hello.yaml")
    assert re.fullmatch("the reply that the run .+ recorded: 하나", source(project))
    server.reply = text("둘")
    project("specs/hello.yaml")
    assert re.fullmatch("the reply that waits, of the run .+: 둘", source(project))
    project("reject")
    assert re.fullmatch("the reply that the run .+ recorded: 둘", source(project))
    for record in project.records():
        record.unlink()
    assert source(project) == "the accepted reply: 하나"


def test_from_says_which_reply_is_shared(project: Cli, server: OpenAIServer) -> None:
    server.reply = text("하나")
    project("specs/hello.yaml")
    [first] = (one.stem for one in project.records())
    server.reply = text("둘")
    project("specs/hello.yaml")

    assert source(project, "--from", "accepted") == "the accepted reply: 하나"
    assert source(project, "--from", "pending").endswith(": 둘")
    assert source(project, "--from", "last").endswith(": 둘")
    assert source(project, "--from", first) == f"the reply that the run {first} recorded: 하나"


def test_an_accepted_reply_to_an_earlier_request_says_what_moved(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("하나")
    project("specs/hello.yaml")
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", "안녕히 가세요"))

    [case] = share(project, "specs/hello.yaml")["cases"]
    page = project("share", "specs/hello.yaml", "-o", "-", "--as", "md").out

    assert "What moved in the request" in page
    assert case["from"] == "the accepted reply"
    assert case["result"]["causes"] == ["prompt"]
    assert "an earlier request" in case["notes"][0]
    assert "안녕하세요 → 안녕히 가세요" in page


def test_a_changed_reply_stands_beside_the_accepted_one(project: Cli, server: OpenAIServer) -> None:
    for said in ("옛날 옛적에 깊은 산속에 호랑이가 한 마리 살았습니다", SAID):
        server.reply = text(said)
        project("specs/hello.yaml")

    [case] = share(project, "specs/hello.yaml")["cases"]
    page = project("share", "specs/hello.yaml", "-o", "-", "--as", "md").out

    assert case["result"]["verdict"] == "changed"
    assert reply_text(case["accepted"][0]["reply"]) == SAID.replace("토끼가", "호랑이가")
    assert "[-호랑이가-]" in page
    assert "{+토끼가+}" in page


def test_the_samples_of_a_run_are_shared_with_the_accepted_ones(
    project: Cli, server: OpenAIServer
) -> None:
    project.write("specs/hello.yaml", f"{HELLO}samples: 10\n")
    server.script.extend([text("나"), *[text("가")] * 9, *[text("다")] * 20])
    project("specs/hello.yaml")
    project("specs/hello.yaml")

    [waiting] = share(project, "specs/hello.yaml")["cases"]
    [recorded] = share(project, "specs/hello.yaml", "--from", "last")["cases"]
    [accepted] = share(project, "specs/hello.yaml", "--from", "accepted")["cases"]
    page = project("share", "specs/hello.yaml", "-o", "-", "--as", "md").out

    assert sorted(map(reply_text, accepted["result"]["samples"])) == [*"가가가가가가가가가나"]
    for case in (waiting, recorded):
        assert list(map(reply_text, case["result"]["samples"])) == ["다"] * 10
        assert sorted((one["count"], reply_text(one["reply"])) for one in case["accepted"]) == [
            *[(1, "나"), (9, "가")],
        ]
        assert case["result"]["statistics"]["before"] == 10
    assert "10 times:\n\n```text\n다\n```" in page


def test_a_failure_can_be_shared_without_the_address_that_failed(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = Answer(cut="before headers")
    project("specs/hello.yaml", OPENAI_BASE_URL="http://llm.corp.example.invalid:1/v1")

    words = ("specs/hello.yaml", "--from", "last")
    ran = project(
        *("share", *words, "-o", "-", "--as", "md"),
        OPENAI_BASE_URL="http://llm.corp.example.invalid:1/v1",
    )

    assert ran.code == 0, ran.err
    assert "### The failure" in ran.out
    assert "corp" not in ran.out


@pytest.mark.parametrize("form", ["html", "md", "json"])
def test_sharing_sends_nothing_and_changes_nothing(
    form: str, project: Cli, server: OpenAIServer
) -> None:
    for said in ("하나", "둘"):
        server.reply = text(said)
        project("specs/hello.yaml")
    files, sent = project.files(), len(server.requests)

    ran = project("share", "specs/hello.yaml", "-o", f"../a.{form}")

    assert ran.code == 0, ran.err
    assert (project.files(), len(server.requests)) == (files, sent)


def test_a_number_that_no_json_holds_is_shared_as_text() -> None:
    # No server's reply holds one, but the record of a stranger's run may.
    assert map_texts({"a": [float("inf"), 1.5]}, str) == {"a": ["inf", 1.5]}


# What must not leave


@pytest.mark.parametrize("form", ["html", "md", "json"])
def test_no_path_of_the_machine_and_no_address_is_in_it(
    form: str, project: Cli, server: OpenAIServer
) -> None:
    project.write("promptrun.toml", "allow_python = true\n")
    project("trust", "--yes")
    project.write("specs/checks.py", "def fails(text, context):\n    open(__file__ + '/a')\n")
    project.write("specs/hello.yaml", f"{HELLO}expect:\n  - python: checks.py:fails\n")
    project("specs/hello.yaml", "--jobs", "3")

    ran = project("share", "specs/hello.yaml", "-o", f"out.{form}")

    assert ran.code == 0, ran.err
    written = project.read(f"out.{form}")
    assert "specs/checks.py" in written
    for path in (project.folder, Path.home(), Path.cwd()):
        assert len(path.parts) < 3 or str(path) not in written
    assert f"/{getpass.getuser()}/" not in written
    assert str(server.port) not in written
    assert KEY not in written


def test_another_server_is_named_without_its_address(project: Cli) -> None:
    project.write(
        "promptrun.toml",
        "[providers.mine]\nbase_url = 'https://llm.corp.example/v1'\napi_key_env = 'CORP_API_KEY'\n"
        "[providers.blue]\nkind = 'azure'\nbase_url = 'https://corp.openai.azure.com'\n"
        "api_version = '2024-10-21'\n",
    )

    for name in ("mine", "blue"):
        shared = share(project, "specs/hello.yaml", "--provider", name)
        assert "corp" not in json.dumps(shared).lower()
        assert name in shared["cases"][0]["notes"][0]


HUB = "ghp_" + "a1B2" * 9
SECRET = "열쇠-A+/~?&0123456789"
FORMS = {
    "raw": SECRET,
    "percent-encoded": quote(SECRET, safe=""),
    "in Base64": b64encode(SECRET.encode()).decode(),
    "a key of GitHub": HUB,
    "a token of the form JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "a private key": "-----BEGIN PRIVATE KEY-----",
}


def in_the_spec(cli: Cli, server: OpenAIServer, secret: str) -> tuple[str, ...]:
    cli.write("specs/hello.yaml", f"{HELLO}description: '값은 {secret}'\n")
    return ("  --> specs/hello.yaml:6:18",)


def in_a_file(cli: Cli, server: OpenAIServer, secret: str) -> tuple[str, ...]:
    cli.write(
        "specs/hello.yaml", f"{HELLO[: HELLO.index('vars')]}vars: {{greeting: {{file: a.txt}}}}\n"
    )
    cli.write("specs/a.txt", f"하나\n둘 {secret}\n")
    return ("  --> specs/a.txt:2:3",)


def in_a_row(cli: Cli, server: OpenAIServer, secret: str) -> tuple[str, ...]:
    cli.write(
        "specs/hello.yaml", HELLO.replace("vars: {greeting: 안녕하세요}", "cases: {file: a.csv}")
    )
    cli.write("specs/a.csv", f"name,greeting\na,{secret}\n")
    return ("  --> specs/a.csv:2:1",)


def in_a_default(cli: Cli, server: OpenAIServer, secret: str) -> tuple[str, ...]:
    settings = cli.read("promptrun.toml")
    cli.write("promptrun.toml", f"{settings}[defaults]\nparameters = {{user = '{secret}'}}\n")
    return ("  --> promptrun.toml:",)


def in_a_reply(cli: Cli, server: OpenAIServer, secret: str) -> tuple[str, ...]:
    server.reply = Answer(tool_calls=({"name": "f", "arguments": json.dumps({"키": HUB})},))
    cli("specs/hello.yaml")
    return (
        "stands in the reply of `specs/hello.yaml::default`, at `choices[0].message.tool_calls",
    )


CARRIERS = [in_the_spec, in_a_file, in_a_row, in_a_default]


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda one: one.__name__.replace("_", " "))
@pytest.mark.parametrize("secret", FORMS.values(), ids=FORMS)
def test_a_secret_stops_it_with_its_place(
    secret: str, carrier: Any, project: Cli, server: OpenAIServer
) -> None:
    project.write("promptrun.toml", "secrets = ['MY_SECRET']\n")
    places = carrier(project, server, secret)

    ran = project("share", "specs/hello.yaml", "-o", "a.json", MY_SECRET=SECRET)

    assert_refused(ran, project, secret, places)


def test_a_key_in_a_reply_stops_it_with_its_place(project: Cli, server: OpenAIServer) -> None:
    places = in_a_reply(project, server, HUB)

    ran = project("share", "specs/hello.yaml", "-o", "a.json")

    assert_refused(ran, project, HUB, places)


def assert_refused(ran: Ran, cli: Cli, secret: str, places: tuple[str, ...]) -> None:
    assert ran.code == 2, ran.out
    assert secret not in ran.out + ran.err
    for place in places:
        assert place in ran.err
    assert "`--mask`" in ran.err
    assert not (cli.folder / "a.json").exists()


def test_a_secret_in_a_variable_of_the_command_line_stops_it(project: Cli) -> None:
    ran = project("share", "specs/hello.yaml", "--var", f"greeting={HUB}", "-o", "a.json")

    assert ran.code == 2
    assert "what looks like a key of GitHub stands in the variable `greeting`" in ran.err
    assert HUB not in ran.err


def test_a_secret_in_the_name_of_a_case_cannot_be_masked(project: Cli) -> None:
    project.write("specs/hello.yaml", f"{HELLO}cases: [{{name: 키 {HUB}}}]\n")

    ran = project("share", "specs/hello.yaml", "--mask", "-o", "a.json")

    assert ran.code == 2
    assert "a key of GitHub stands in the name of a case of `specs/hello.yaml`" in ran.err
    assert HUB not in ran.err


def test_a_secret_of_an_env_file_stops_it(project: Cli, tmp_path: Path) -> None:
    project.write("promptrun.toml", "secrets = ['MY_SECRET']\n")
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", SECRET))
    (tmp_path / "keys.env").write_text(f"MY_SECRET={SECRET}\n", "utf-8")

    words = ("--env-file", str(tmp_path / "keys.env"), "-o", "a.json")
    ran = project("share", "specs/hello.yaml", *words)

    assert_refused(ran, project, SECRET, ("  --> specs/hello.yaml:5:18",))


def test_a_path_of_the_machine_in_a_prompt_stops_it(project: Cli) -> None:
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", f"{project.folder}/a.txt"))

    ran = project("share", "specs/hello.yaml", "-o", "a.json")

    assert ran.code == 2
    assert "a path of this machine stands here\n  --> specs/hello.yaml:5:18" in ran.err


def test_a_key_stops_it_in_a_text_that_begins_as_a_data_url_does(project: Cli) -> None:
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", "{file: ../d.yaml}"))
    project.write("d.yaml", f"data:\n  name: 지수\n  token: {GITHUB_KEY}\n")

    ran = project("share", "specs/hello.yaml", "-o", "example.json")

    assert ran.code == 2
    assert "error: what looks like a key of GitHub stands here\n  --> d.yaml:3:10" in ran.err


PIECES = GITHUB_KEY[:5], GITHUB_KEY[5:]
IN_PIECES: dict[str, tuple[str, dict[str, str]]] = {
    "escaped in YAML": (r'content: "값 \x67hp_aTWO"', {}),
    "escaped in YAML that the request never holds": (
        'content: 네}\nvars: {x: "\\x67hp_aTWO"',
        {},
    ),
    "a configured one": (r'content: "열쇠-A+/~?&0123\x3456789"', {}),
    "put together by the template": ("content: \"{{ 'ONE' ~ 'TWO' }}\"", {}),
    "put together from two variables": (
        "content: '{{ a }}{{ b }}'}\nvars: {a: ONE, b: TWO",
        {},
    ),
    "put together by what is expected": (
        "content: 네}\nexpect: [{contains: \"{{ 'ONE' ~ 'TWO' }}\"}]\nvars: {a: b",
        {},
    ),
    "escaped in JSON": (
        "content: '{{ a.b }}'}\nvars: {a: {file: a.json}",
        {"specs/a.json": r'{"b": "\u0067hp_aTWO"}'},
    ),
    "beside another one, in a row without a name": (
        "content: \"{{ a }}{{ 'ONE' ~ 'TWO' }}\"}\ncases: {file: a.jsonl",
        {"specs/a.jsonl": json.dumps({"a": HUB}) + "\n"},
    ),
}
"""Each with ONE and TWO in the place of a key's pieces."""


@pytest.mark.parametrize(("content", "files"), IN_PIECES.values(), ids=IN_PIECES)
@pytest.mark.parametrize("mask", [(), ("--mask",)], ids=["refused", "masked"])
def test_a_secret_that_no_file_holds_as_it_is_stops_it(
    mask: tuple[str, ...], content: str, files: dict[str, str], project: Cli
) -> None:
    project.write("promptrun.toml", "secrets = ['MY_SECRET']\n")
    spec = f"model: m\nmessages:\n  - {{role: user, {content}}}\n"
    for name, written in {"specs/hello.yaml": spec, **files}.items():
        project.write(name, written.replace("ONE", PIECES[0]).replace("TWO", PIECES[1]))

    ran = project("share", "specs/hello.yaml", *mask, "-o", "a.json", MY_SECRET=SECRET)

    assert ran.code == 2, ran.err
    assert not (project.folder / "a.json").exists()
    assert "key of GitHub" in ran.err or "a configured secret" in ran.err
    assert PIECES[1] not in ran.err


def test_a_masked_row_without_a_name_is_looked_through_and_shared(project: Cli) -> None:
    project.write("specs/a.jsonl", json.dumps({"greeting": HUB}) + "\n")
    project.write(
        "specs/hello.yaml", HELLO.replace("vars: {greeting: 안녕하세요}", "cases: {file: a.jsonl}")
    )

    shared = share(project, "specs/hello.yaml", "--mask")

    assert shared["cases"][0]["request"]["messages"][0]["content"] == "MASKED"


def test_a_masked_variable_of_the_command_line_is_no_secret_any_more(project: Cli) -> None:
    shared = share(project, "specs/hello.yaml", "--mask", "--var", f"greeting=키 {HUB}")

    assert HUB not in json.dumps(shared)
    assert shared["cases"][0]["request"]["messages"][0]["content"] == "키 MASKED"


def test_masked_files_that_cannot_be_rendered_are_not_shared(project: Cli) -> None:
    project.write("specs/_a.md", f"하나 {HUB}")
    project.write(
        "specs/hello.yaml",
        "model: m\nmessages:\n  - {role: user, content: \"{% include '_' ~ x %}\"}\n"
        "vars: {x: a.md}\n",
    )

    ran = project("share", "specs/hello.yaml", "--mask", "-o", "a.json")

    assert ran.code == 2
    assert "the masked files of `specs/hello.yaml::default` cannot be rendered" in ran.err


PDF = b"%PDF-1.4\n\xff\xfe\n"
LOOK = (
    "model: m\nmessages:\n  - role: user\n    content:\n"
    "      - {type: file, file: {filename: a.pdf, file_data: ../a.pdf}}\n"
)


@pytest.mark.parametrize("mask", [(), ("--mask",)], ids=["refused", "masked"])
@pytest.mark.parametrize("form", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("secret", [HUB, SECRET, "/home/지수/사진/a"], ids=["key", "own", "path"])
def test_a_secret_in_bytes_stops_it_masked_or_not(
    secret: str, form: str, mask: tuple[str, ...], project: Cli
) -> None:
    project.write("promptrun.toml", "secrets = ['MY_SECRET']\n")
    project.write("specs/hello.yaml", LOOK)
    for odd in (b"", b"\xff"):
        (project.folder / "a.pdf").write_bytes(PDF + odd + f"<{secret}>".encode(form) + b"\xff" * 9)

        words = ("share", "specs/hello.yaml", *mask, "-o", "a.json")
        ran = project(*words, MY_SECRET=SECRET, HOME="/home/지수")

        assert ran.code == 2
        assert "stands in the bytes of the file `a.pdf`" in ran.err
        assert not (project.folder / "a.json").exists()


@pytest.mark.parametrize("mask", [(), ("--mask",)], ids=["refused", "masked"])
@pytest.mark.parametrize("kind", ["image", "sound"])
def test_a_key_in_the_bytes_of_a_request_stops_it(
    kind: str, mask: tuple[str, ...], project: Cli
) -> None:
    data = b64encode(PNG + HUB.encode()).decode()
    part = (
        f"{{type: image_url, image_url: {{url: 'data:image/png;base64,{data}'}}}}"
        if kind == "image"
        else f"{{type: input_audio, input_audio: {{format: wav, data: '{data}'}}}}"
    )
    project.write(
        "specs/hello.yaml",
        f"model: m\nmessages:\n  - role: user\n    content:\n      - {part}\n",
    )

    ran = project("share", "specs/hello.yaml", *mask, "-o", "a.json")

    assert ran.code == 2
    assert "a key of GitHub stands in the" in ran.err
    assert not (project.folder / "a.json").exists()


@pytest.mark.parametrize("mask", [(), ("--mask",)], ids=["refused", "masked"])
def test_a_key_in_the_bytes_of_a_reply_stops_it(
    mask: tuple[str, ...], project: Cli, server: OpenAIServer
) -> None:
    url = f"data:image/png;base64,{b64encode(PNG + HUB.encode()).decode()}"
    server.reply = Answer(content="네", extra_message={"images": [{"image_url": {"url": url}}]})
    project("specs/hello.yaml")

    ran = project("share", "specs/hello.yaml", *mask, "-o", "a.json")

    assert ran.code == 2
    assert "stands in the bytes in the reply of `specs/hello.yaml::default`, at `choic" in ran.err
    assert not (project.folder / "a.json").exists()


HOME = "/home/김철수"
PATHS = {
    "as it is": f"{HOME}/a",
    "before a particle": f"{HOME}에서",
    "taken apart": normalize("NFD", f"{HOME}/a"),
    "in an address": f"file://{quote(HOME)}/a",
    "in an address, small": f"file://{quote(HOME).lower()}/a",
    "escaped as JSON": json.dumps(HOME)[1:-1],
    "escaped as JSON with slashes": json.dumps(HOME)[1:-1].replace("/", "\\/"),
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_path_of_the_machine_is_known_in_each_of_its_spellings(path: str, project: Cli) -> None:
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", f"'{path}'"))

    ran = project("share", "specs/hello.yaml", "-o", "a.json", HOME=HOME)

    assert ran.code == 2
    assert "a path of this machine stands here\n  --> specs/hello.yaml:5:" in ran.err


@pytest.mark.parametrize("below", ["", "specs"], ids=["the project", "a folder in it"])
def test_a_folder_is_known_by_the_name_with_which_it_was_typed(below: str, project: Cli) -> None:
    link = project.folder.parent / "링크"
    link.symlink_to(project.folder)
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", f"{link}/a"))

    words = ("share", str(project.folder / "specs/hello.yaml"), "-o", "a.json")
    ran = project(*words, cwd=project.folder / below, PWD=str(link / below))

    assert ran.code == 2
    assert "a path of this machine stands here" in ran.err


UNREAD = {
    "an include out of reach": (
        "content: \"네{% if false %}{% include '_a.txt' %}{% endif %}{% include '_b.txt' %}\"}"
    ),
    "an unused variable": ("content: '{{ b }}'}\nvars: {a: {file: _a.txt}, b: {file: _b.txt}}"),
    "an unused one, beside one that is expected": (
        "content: 네}\nvars: {a: {file: _a.txt}}\nexpect: [{contains: {file: _b.txt}}]"
    ),
}


@pytest.mark.parametrize("content", UNREAD.values(), ids=UNREAD)
def test_a_file_that_no_request_reads_is_not_shared(content: str, project: Cli) -> None:
    project.write("specs/_a.txt", f"비밀 {HUB}")
    project.write("specs/_b.txt", "안녕")
    project.write("specs/hello.yaml", f"model: m\nmessages:\n  - {{role: user, {content}\n")

    shared = share(project, "specs/hello.yaml")

    names = [file["path"] for file in shared["files"]]
    assert names == ["specs/hello.yaml", "specs/_b.txt", "promptrun.toml"]
    assert shared["notes"] == []
    place = unpack(project, shared)
    assert show(project, "specs/hello.yaml", cwd=place) == show(project, "specs/hello.yaml")


def test_a_file_that_a_check_may_open_is_shared(project: Cli) -> None:
    project.write("specs/_a.txt", "안녕")
    project.write("specs/checks.py", "def fine(text, context):\n    return True\n")
    project.write(
        "specs/hello.yaml",
        f"{HELLO[: HELLO.index('vars')].replace('{{ greeting }}', '네')}"
        "vars: {a: {file: _a.txt}}\nexpect: [{python: checks.py:fine}]\n",
    )

    names = [file["path"] for file in share(project, "specs/hello.yaml")["files"]]

    assert "specs/_a.txt" in names


def test_every_file_that_goes_along_is_named_on_the_screen(project: Cli) -> None:
    project.write("specs/글.txt", "안녕")
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", "{file: 글.txt}"))

    ran = project("share", "specs/hello.yaml", "-o", "a.json")

    for name in ("specs/hello.yaml", "specs/글.txt", "promptrun.toml"):
        assert f"  file: {name}\n" in ran.err


def test_the_digest_of_a_masked_file_says_nothing_of_the_secret(project: Cli) -> None:
    project.write("specs/hello.yaml", f"{HELLO}# {GITHUB_KEY}\n")

    [file] = share(project, "specs/hello.yaml", "--mask")["files"][:1]

    assert file["text"].endswith("# MASKED\n")
    assert file["size"] == len(file["text"].encode())
    assert file["sha256"] == sha256(file["text"].encode()).hexdigest()


@pytest.mark.parametrize("secret", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("form", ["html", "md", "json"])
def test_mask_writes_a_word_and_says_so(
    form: str, secret: str, project: Cli, server: OpenAIServer
) -> None:
    project.write("promptrun.toml", "secrets = ['MY_SECRET']\n")
    project.write("specs/hello.yaml", HELLO.replace("안녕하세요", f"안녕 {secret} 네"))
    server.reply = text(f"네, {HUB}")
    project("specs/hello.yaml", MY_SECRET=SECRET)

    words = ("share", "specs/hello.yaml", "--mask", "-o", "-", "--as", form)
    ran = project(*words, MY_SECRET=SECRET)

    assert ran.code == 0, ran.err
    assert "안녕 MASKED 네" in ran.out
    assert secret not in ran.out
    assert HUB not in ran.out
    assert "replaced by `MASKED`" in ran.out or "replaced by MASKED" in ran.out


def test_a_file_is_shared_byte_for_byte(project: Cli) -> None:
    data = b"\xef\xbb\xbf" + HELLO.replace("\n", "\r\n").encode() + b"# \xe2\x80\xae\xc2\x85"
    (project.folder / "specs/hello.yaml").write_bytes(data)

    place = unpack(project, share(project, "specs/hello.yaml"))

    assert (place / "specs/hello.yaml").read_bytes() == data


# Bounds


def test_media_beyond_the_bound_are_named_by_their_digests(project: Cli) -> None:
    content = "\n".join(
        f"      - {{type: image_url, image_url: {{url: {name}.png}}}}" for name in "abc"
    )
    project.write(
        "specs/hello.yaml", f"model: m\nmessages:\n  - role: user\n    content:\n{content}\n"
    )
    for name in "abc":
        project.write(f"specs/{name}.png", "").write_bytes(PNG + name.encode() * 2_000_000)

    shared = share(project, "specs/hello.yaml")

    [case] = shared["cases"]
    urls = [part["image_url"]["url"] for part in case["request"]["messages"][0]["content"]]
    assert [isinstance(url, str) for url in urls] == [True, True, False]
    assert urls[2]["bytes"] == 2_000_000 + len(PNG)
    assert "named by their digests" in case["notes"][0]
    assert [file["path"] for file in shared["files"] if file["note"]] == ["specs/c.png"]
    assert len(json.dumps(shared)) < 15_000_000
    assert shared["notes"]


def test_a_reply_beyond_the_bound_is_cut_and_told(project: Cli, server: OpenAIServer) -> None:
    server.reply = text("긴" * 1_500_000)
    project("specs/hello.yaml")

    [case] = share(project, "specs/hello.yaml")["cases"]

    said = reply_text(case["result"]["reply"])
    assert len(said) < 1_000_100
    assert said.endswith("… (500,000 more characters)")
    assert case["notes"] == ["the reply is too large to be shared: its longest texts are cut"]


def test_a_large_file_is_left_out_and_told(project: Cli) -> None:
    project.write(
        "specs/hello.yaml", HELLO.replace("greeting: 안녕하세요", "greeting: {file: a.txt}")
    )
    project.write("specs/a.txt", "가" * 400_000)

    shared = share(project, "specs/hello.yaml")

    [left] = [file for file in shared["files"] if file["text"] is None]
    assert (left["path"], left["size"]) == ("specs/a.txt", 1_200_000)
    assert "left out" in left["note"]
    assert "specs/a.txt" in shared["notes"][0] or "a.txt" in shared["notes"][0]


def test_rows_beyond_the_bound_are_left_out_and_told(project: Cli) -> None:
    project.write("specs/hello.yaml", HELLO + "cases: {file: rows.jsonl}\n")
    row = {"name": "a", "text": "b" * 1_500_000}
    project.write("specs/rows.jsonl", json.dumps(row) + "\n")

    shared = share(project, "specs/hello.yaml")

    [left] = [file for file in shared["files"] if file["text"] is None]
    assert (left["path"], left["note"]) == ("specs/rows.jsonl", "left out: too large to be shared")
    assert "rows.jsonl" in shared["notes"][0]


def test_a_sound_within_the_bound_is_shared_whole() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "A" * 2_000_000, "format": "wav"}}
    body = {"messages": [{"role": "user", "content": [part]}]}
    notes: list[str] = []

    assert Bounds().request(body, notes) == body
    assert not notes


@pytest.mark.parametrize(
    ("which", "note"),
    [
        ("replies", "the reply is too large to be shared: its longest texts are cut"),
        ("accepted", "100 of 120 accepted replies are shared"),
    ],
)
def test_what_is_cut_of_samples_is_told(which: str, note: str) -> None:
    short, long = reply_of("짧다"), reply_of("긴" * 1_500_000)
    several = (short, long) if which == "replies" else ((short, 1),) * 120
    result = CaseResult(
        spec="specs/a.yaml", case="default", verdict=Verdict.CHANGED, provider="openai", reply=short
    )
    notes: list[str] = []

    Bounds().result(structs.replace(result, **{which: several}), notes)

    assert notes == [note]


def test_a_reply_that_is_nested_deeply_is_shared_as_far_as_it_can_be(
    project: Cli, server: OpenAIServer
) -> None:
    deep = "[" * 900 + "]" * 900
    server.reply = Answer(content="a", extra_message={"own": json.loads(deep)})
    project("specs/hello.yaml")

    [case] = share(project, "specs/hello.yaml")["cases"]

    assert "nested too deeply" in json.dumps(case["result"]["reply"])


# The file


def test_an_existing_file_is_replaced_whole(project: Cli) -> None:
    project.write("a.md", "alt" * 100_000)

    ran = project("share", "specs/hello.yaml", "-o", "a.md")

    assert ran.code == 0
    assert project.read("a.md").startswith("# `specs/hello.yaml::default`\n")
    assert "altalt" not in project.read("a.md")
    assert project.files() == ["a.md", "promptrun.toml", "specs/hello.yaml"]


def test_a_link_is_not_followed(project: Cli) -> None:
    goal = project.write("goal.md", "그대로")
    (project.folder / "a.md").symlink_to(goal)

    ran = project("share", "specs/hello.yaml", "-o", "a.md")

    assert ran.code == 2
    assert "`a.md` is a link, and is not followed" in ran.err
    assert project.read("goal.md") == "그대로"


def test_a_file_of_the_example_is_not_written_over(project: Cli) -> None:
    project.write("specs/a.json", '{"x": "네"}')
    project.write(
        "specs/hello.yaml", HELLO.replace("greeting: 안녕하세요", "greeting: {file: a.json}")
    )

    ran = project("share", "specs/hello.yaml", "-o", "specs/a.json")

    assert ran.code == 2
    assert "`a.json` is one of the files that are shared" in ran.err
    assert project.read("specs/a.json") == '{"x": "네"}'


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_a_pipe_is_not_written_to(project: Cli) -> None:
    os.mkfifo(project.folder / "a.md")

    ran = project("share", "specs/hello.yaml", "-o", "a.md")

    assert ran.code == 2
    assert "`a.md` is not a file" in ran.err


def test_what_the_command_line_changes_stands_in_the_command(project: Cli) -> None:
    words = ("--var", "greeting=안녕 지수", "--model", "gpt-4o", "--seed", "7")
    shared = share(project, "specs/hello.yaml", *words)

    [case] = shared["cases"]
    assert shared["notes"] == []
    assert case["request"]["seed"] == 7
    assert case["commands"]["promptrun"] == (
        "promptrun specs/hello.yaml::default --var 'greeting=안녕 지수' --model gpt-4o --seed 7 "
        "--provider openai"
    )


def test_several_specs_make_one_file(project: Cli) -> None:
    project.write("specs/other.yaml", HELLO.replace("안녕하세요", "네"))

    shared = share(project, "specs/")

    assert [case["result"]["id"] for case in shared["cases"]] == [
        "specs/hello.yaml::default",
        "specs/other.yaml::default",
    ]
    assert len(shared["files"]) == 3
