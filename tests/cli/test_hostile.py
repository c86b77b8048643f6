"""What a hostile user, server, disk or stranger does to a run, and what holds nevertheless."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from tests.openai_answers import Answer, Received
from tests.openai_server import OpenAIServer, error, hanging, redirect, text
from tests.promptrun_cli import Cli

KEY = "sk-test-/+0123456789"
SPEC = "model: gpt-4o-mini\nmessages: [{role: user, content: 안녕}]\n"
ROWS = 'model: gpt-4o-mini\nmessages: [{role: user, content: "{{ x }}"}]\ncases: {file: rows.csv}\n'
PROGRAM = (sys.executable, "-c", "from promptrun.cli import main; main()")
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
OWN_CODES = re.compile(r"\x1b\[[\d;]*m|\r?\x1b\[K|\r(?=\n)")


@pytest.fixture
def project(cli: Cli, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A project whose provider `openai` is the loopback server."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    cli.write("promptrun.toml", "")
    return cli


def start(
    project: Cli, *arguments: str, program: Sequence[str] = PROGRAM, **environ: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*program, *arguments],
        cwd=project.folder,
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.01)


def assert_all_whole(project: Cli) -> None:
    """Every file that stands there was written to its end, and no half of one lies beside it."""
    for name in project.files():
        assert not name.endswith(".tmp")
        if "snapshots/" in name and name.endswith(".yaml"):
            assert yaml.safe_load(project.read(name))["reply"]["choices"]


# --- interrupts and pipes


def test_an_interrupt_ends_a_run_that_hangs_in_a_few_seconds(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = hanging()
    project.write("specs/hang.yaml", SPEC)

    with start(project, "specs/") as running:
        wait_for(lambda: bool(server.requests))
        time.sleep(0.2)
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=10)

    assert (running.returncode, out) == (130, "")
    assert re.match("stopping: (1 request|what is) under way gets? a few seconds", err)
    assert "stopped: interrupted" in err
    assert time.monotonic() - begun < 8
    assert project.files() == ["promptrun.toml", "specs/hang.yaml"]


def test_a_second_interrupt_ends_a_run_that_hangs_at_once(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = hanging()
    project.write("specs/hang.yaml", SPEC)

    with start(project, "specs/") as running:
        wait_for(lambda: bool(server.requests))
        running.send_signal(signal.SIGINT)
        time.sleep(0.6)
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=10)

    assert running.returncode == 130
    assert "Traceback" not in err
    assert time.monotonic() - begun < 3


def test_an_interrupted_stream_keeps_its_text_and_no_snapshot(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("한 글자씩 " * 200, piece=4, chunk_delay=0.4)
    project.write("specs/slow.yaml", f"{SPEC}stream: true\n")

    with start(project, "specs/slow.yaml") as running:
        assert running.stdout is not None
        begun = running.stdout.read(4)
        time.sleep(0.15)  # now it waits for the next piece
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=10)

    assert running.returncode == 130
    assert (begun + out).rstrip("\n") in "한 글자씩 " * 200
    assert "Traceback" not in err
    assert project.files() == ["promptrun.toml", "specs/slow.yaml"]


def test_a_reader_that_leaves_tears_nothing(project: Cli) -> None:
    rows = "".join(f"c{number},값\n" for number in range(60))
    project.write("specs/rows.csv", f"name,x\n{rows}")
    project.write("specs/rows.yaml", ROWS)

    with start(project, "specs/rows.yaml", "-v", "-j", "2") as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr is not None
        err = running.stderr.read()

    assert "Traceback" not in err
    assert_all_whole(project)


def test_two_runs_at_once_leave_whole_files(project: Cli, server: OpenAIServer) -> None:
    counted = iter(range(10_000))
    server.reply = lambda _: text(f"답 {next(counted)}")
    project.write("specs/rows.csv", "name,x\n" + "".join(f"c{n},v\n" for n in range(40)))
    project.write("specs/rows.yaml", ROWS)

    running = [start(project, "specs/", "-q", "--update", "all") for _ in range(2)]
    errors = [one.communicate(timeout=20)[1] for one in running]

    assert [one.returncode for one in running] == [0, 0], errors
    assert_all_whole(project)
    assert len(project.files("snapshots")) == 40


def test_a_full_disk_leaves_the_accepted_reply(project: Cli, server: OpenAIServer) -> None:
    server.script.extend([text("하나"), text("둘")])
    project.write("specs/full.yaml", SPEC)
    project("specs/full.yaml")
    before = {name: project.read(name) for name in project.files()}

    limited = ("sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", *PROGRAM)
    arguments = ("specs/full.yaml", "--update", "all")
    with start(project, *arguments, program=limited) as running:
        out, err = running.communicate(timeout=10)

    assert (running.returncode, out) == (2, ""), err
    assert "the disk refuses" in err
    assert len(server.requests) == 1
    with start(project, *arguments, "--no-record", program=limited) as running:
        out, err = running.communicate(timeout=10)

    assert (running.returncode, out) == (3, "둘\n"), err
    assert "cannot write" in err
    assert "Traceback" not in err
    assert {name: project.read(name) for name in project.files()} == before


# --- screens


def on_a_terminal(project: Cli, *arguments: str) -> str:
    """What a terminal gets to see, without promptrun's own colours."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *arguments], cwd=project.folder, stdin=end, stdout=end, stderr=end
    ):
        os.close(end)
        seen = read_to_the_end(terminal)
    os.close(terminal)
    return OWN_CODES.sub("", seen.decode())


def read_to_the_end(terminal: int) -> bytes:
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so where the last writer has left
            return seen
        if not piece:
            return seen
        seen += piece


def test_no_server_steers_a_terminal(project: Cli, server: OpenAIServer) -> None:
    evil = "\x1b[2J\x1b]0;pwn\x07\u202eabc\u2066\r\x9b1mpassed  x::y"
    headers = [("x-request-id", "req\x9b31m")]
    answers = {
        "reply": text(evil),
        "stream": text(evil, model=evil, fingerprint=evil),
        "error": error(400, evil, type=evil, code=evil, param=evil, headers=headers),
        "finish": text("x", finish_reason=evil),
        "html": Answer(body=f"<h1>{evil}</h1>".encode()),
        "redirect": redirect("http://x/\x1b[31m\x9b"),
    }
    server.reply = lambda received: answers[received.json["model"]]
    for name in answers:
        stream = "true" if name == "stream" else "false"
        spec = f"model: {name}\nmessages: [{{role: user, content: x}}]\nstream: {stream}\n"
        project.write(f"specs/{name}.yaml", spec)
    project.write("specs/\x1b[31m\u202e.yaml", SPEC.replace("gpt-4o-mini", "reply"))

    seen = on_a_terminal(project, "specs/", "-v") + on_a_terminal(project, "specs/stream.yaml")

    assert "pwn" in seen
    assert STEERING.findall(seen) == []


def test_korean_is_printed_where_the_system_knows_only_ascii(
    project: Cli, server: OpenAIServer
) -> None:
    server.reply = text("반갑습니다 😀")
    project.write("specs/인사 1.yaml", SPEC)

    with start(project, "specs/인사 1.yaml", LC_ALL="C", PYTHONIOENCODING="ascii") as running:
        out, err = running.communicate(timeout=10)

    assert (running.returncode, out) == (0, "반갑습니다 😀\n"), err
    assert project.files("snapshots") == ["snapshots/인사 1/default.yaml"]


# --- servers


def whole(**choice: object) -> Answer:
    return Answer(body=json.dumps({"model": "m", "choices": [{"index": 0} | choice]}).encode())


def said(content: object, **fields: object) -> Answer:
    message = {"role": "assistant", "content": content} | fields
    return whole(message=message, finish_reason="stop")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(status=204, body=b""), id="no content"),
        pytest.param(Answer(body=b""), id="nothing"),
        pytest.param(Answer(body=b"<html>Sign in</html>"), id="html"),
        pytest.param(Answer(body=b'{"choices": NaN}'), id="nan"),
        pytest.param(Answer(body=b'{"choices": ' + b"[" * 100_000), id="too deep"),
        pytest.param(Answer(body='{"choices": []}'.encode("utf-16")), id="utf-16"),
        pytest.param(Answer(body=b'{"choices": ["\xff"]}'), id="no utf-8"),
        pytest.param(Answer(body=b'{"x": ' + b"9" * 10_000 + b"}"), id="a huge number"),
        pytest.param(Answer(body=b'{"choices": [{"index": 0}]}'), id="no message"),
        pytest.param(Answer(body=b"[1]"), id="a list"),
        pytest.param(redirect("http://127.0.0.1:9/"), id="redirect"),
    ],
)
def test_what_is_no_reply_is_an_error_of_its_case_alone(
    project: Cli, server: OpenAIServer, answer: Answer
) -> None:
    server.reply = lambda received: answer if received.json["model"] == "odd" else text("네")
    project.write("specs/odd.yaml", SPEC.replace("gpt-4o-mini", "odd"))
    project.write("specs/well.yaml", SPEC)

    ran = project("specs/")

    assert ran.code == 3
    assert "error    specs/odd.yaml::default" in ran.err
    assert "new      specs/well.yaml::default" in ran.err
    assert project.files("snapshots") == ["snapshots/well/default.yaml"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(said("a\ud800b"), said("a\ud801b"), id="half characters"),
        pytest.param(said("[" * 100_000), said("[" * 100_001), id="deep text"),
        pytest.param(said("a\u202eb\0"), said("ab"), id="unseen characters"),
        pytest.param(said([{"type": "text", "text": "a"}]), said([]), id="content in parts"),
        pytest.param(said(None, tool_calls=[1, None]), said(None), id="odd tool calls"),
        pytest.param(said('{"a": NaN}'), said('{"a": 1e999}'), id="no json"),
        pytest.param(said('{"a": 1e400}'), said('{"a": -1e400}'), id="endless numbers"),
        pytest.param(
            said("promptrun_snapshot: 1\n---\n<<<<<<< HEAD\n"),
            said("promptrun_snapshot: 1\n---\n<<<<<<< HEAX\n"),
            id="text like a snapshot",
        ),
    ],
)
def test_an_odd_reply_equals_itself_and_no_other(
    project: Cli, server: OpenAIServer, first: Answer, second: Answer
) -> None:
    server.script.extend([first, first, second])
    project.write("specs/odd.yaml", SPEC)

    codes = [project("specs/odd.yaml").code for _ in range(3)]

    assert codes == [0, 0, 1]
    assert project("specs/odd.yaml", "--replay").code == 0


def test_a_key_never_follows_a_redirect(project: Cli, server: OpenAIServer) -> None:
    with OpenAIServer() as elsewhere:
        server.reply = redirect(f"{elsewhere.base_url}/chat/completions")
        project.write("specs/moved.yaml", SPEC)

        assert project("specs/moved.yaml").code == 3
        assert elsewhere.accepted == 0


def test_a_key_that_a_server_repeats_is_neither_shown_nor_kept(
    project: Cli, server: OpenAIServer
) -> None:
    forms = [
        KEY,
        json.dumps(KEY),
        quote(KEY, safe=""),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(f"Bearer {KEY}".encode()).decode(),
    ]
    told = " ".join(forms)

    def repeat(received: Received) -> Answer:
        if received.json["model"] == "error":
            return error(400, told, code=KEY, headers=[("x-request-id", KEY)])
        return text(told, model=told, fingerprint=KEY, extra_message={"refusal": None})

    server.reply = repeat
    project.write("specs/error.yaml", SPEC.replace("gpt-4o-mini", "error"))
    project.write("specs/echo.yaml", SPEC.replace("안녕", f"'{told}'"))
    project.write("specs/stream.yaml", f"{SPEC}stream: true\n")

    targets = ["specs/error.yaml", "specs/echo.yaml", "specs/stream.yaml"]
    runs = [project(one, *form) for one in targets for form in ([], ["--json"], ["--raw"])]
    shown = [project("show", "specs/echo.yaml", "--as", form) for form in ("text", "curl")]

    written = [project.read(name) for name in project.files() if "snapshots/" in name]
    seen = "".join(ran.out + ran.err for ran in (*runs, *shown)) + "".join(written)
    assert "***" in seen
    assert [one for one in forms if one.strip('"') in seen] == []


# --- strangers


@pytest.mark.parametrize("path", ["../../secret.txt", "link.txt", "folder/secret.txt", "../.env"])
@pytest.mark.parametrize(
    "spec",
    [
        "messages: [{role: user, content: {file: 'PATH'}}]\n",
        "messages: [{role: user, content: '{{ x }}'}]\nvars: {x: {file: 'PATH'}}\n",
        "messages: [{role: user, content: \"{% include 'PATH' %}\"}]\n",
        "messages: [{messages_from: 'PATH'}]\n",
        "messages: [{role: user, content: [{type: file, file: {file_data: 'PATH'}}]}]\n",
        "messages: [{role: user, content: '{{ x }}'}]\ncases: {file: 'PATH'}\n",
    ],
)
def test_a_strangers_spec_reads_nothing_outside_its_project(
    project: Cli, server: OpenAIServer, spec: str, path: str
) -> None:
    outside = project.folder.parent
    (outside / "secret.txt").write_text("x\nTOPSECRET\n")
    project.write(".env", "TOPSECRET\n")
    project.write("specs/spec.yaml", f"model: m\n{spec.replace('PATH', path)}")
    (project.folder / "specs/link.txt").symlink_to(outside / "secret.txt")
    (project.folder / "specs/folder").symlink_to(outside)

    ran = project("specs/spec.yaml")

    assert ran.code == 2
    assert "TOPSECRET" not in ran.out + ran.err
    assert server.requests == []


def test_a_scan_and_a_write_leave_no_project_through_a_link(project: Cli) -> None:
    outside = project.folder.parent / "outside"
    outside.mkdir()
    (outside / "private.yaml").write_text(SPEC)
    project.write("specs/own.yaml", SPEC)
    (project.folder / "specs/link.yaml").symlink_to(outside / "private.yaml")
    (project.folder / "specs/folder").symlink_to(outside)

    assert project("list", "specs/").out == "specs/own.yaml::default\topenai\tnone\n"

    (project.folder / "snapshots").symlink_to(outside)

    assert project("specs/").code == 3
    assert [path.name for path in outside.iterdir()] == ["private.yaml"]


# --- snapshots and pending replies


def restyle(keep: str, style: str) -> bytes:
    value = yaml.safe_load(keep)
    styles: dict[str, str] = {
        "json": json.dumps(value),
        "sorted": yaml.safe_dump(value, sort_keys=True, allow_unicode=True),
        "comments": "# why\n" + keep.replace("\n", "  # so\n"),
        "crlf": keep.replace("\n", "\r\n"),
        "bom": f"\ufeff{keep}",
        "flow": yaml.safe_dump(value, default_flow_style=True, width=40),
    }
    return styles[style].encode()


@pytest.mark.parametrize("style", ["json", "sorted", "comments", "crlf", "bom", "flow"])
def test_a_snapshot_in_any_style_is_the_same(project: Cli, style: str) -> None:
    project.write("specs/hand.yaml", f"{SPEC}temperature: 0.5\n")
    project("specs/hand.yaml")
    file = project.folder / "snapshots/hand/default.yaml"
    edited = restyle(file.read_text("utf-8"), style)
    file.write_bytes(edited)

    assert project("specs/hand.yaml").code == 0
    assert project("specs/hand.yaml", "--replay").code == 0
    assert file.read_bytes() == edited


@pytest.mark.parametrize(
    ("old", "new", "update"),
    [
        pytest.param("spec: specs/a", "spec: specs/b", "all", id="of another spec"),
        pytest.param("case: default", "case: other", "all", id="of another case"),
        pytest.param("_snapshot: 1", "_snapshot: 2", "all", id="of a newer format"),
        pytest.param("reply:", "<<<<<<< HEAD\nreply:\n=======", "changed", id="in conflict"),
        pytest.param("reply:", "reply: [", "new", id="no YAML"),
    ],
)
def test_a_snapshot_that_cannot_be_used_is_not_overwritten_unasked(
    project: Cli, old: str, new: str, update: str
) -> None:
    project.write("specs/a.yaml", SPEC)
    project("specs/a.yaml")
    broken = project.read("snapshots/a/default.yaml").replace(old, new)
    project.write("snapshots/a/default.yaml", broken)

    codes = [project("specs/a.yaml", *more).code for more in (["--update", update], ["--replay"])]

    assert set(codes) <= {1, 3}
    assert project.read("snapshots/a/default.yaml") == broken


def tamper_with_text(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace("둘", "evil"), "utf-8")


def link_elsewhere(file: Path) -> None:
    copy = file.rename(file.with_name("copy"))
    file.symlink_to(copy)


def forge_note(file: Path) -> None:
    note = file.with_name(f"{file.name}.json")
    note.write_text(note.read_text("utf-8").replace('"replaces": "', '"replaces": "0'), "utf-8")


def remove_note(file: Path) -> None:
    file.with_name(f"{file.name}.json").unlink()


@pytest.mark.parametrize("tamper", [tamper_with_text, link_elsewhere, forge_note, remove_note])
def test_a_pending_reply_that_was_tampered_with_is_refused(
    project: Cli, server: OpenAIServer, tamper: Callable[[Path], None]
) -> None:
    server.script.extend([text("하나"), text("둘")])
    project.write("specs/a.yaml", SPEC)
    project("specs/a.yaml")
    project("specs/a.yaml")
    kept = project.read("snapshots/a/default.yaml")
    tamper(project.folder / ".promptrun/pending/snapshots/a/default.yaml")

    assert project("accept").code == 1
    assert project.read("snapshots/a/default.yaml") == kept
    assert project("reject").code == 0
    assert project("accept").err == "nothing is pending\n"


def test_a_reply_to_a_spec_that_is_gone_is_refused_and_can_be_dropped(
    project: Cli, server: OpenAIServer
) -> None:
    server.script.extend([text("하나"), text("둘")])
    spec = project.write("specs/a.yaml", SPEC)
    project("specs/a.yaml")
    project("specs/a.yaml")
    kept = project.read("snapshots/a/default.yaml")
    spec.unlink()

    assert project("accept").code == 1
    assert project("reject", "specs/a.yaml").code == 0
    assert project.files(".promptrun") == []
    assert project.read("snapshots/a/default.yaml") == kept


# --- names, data and folders


def test_files_of_any_name_keep_their_own_snapshot(project: Cli) -> None:
    names = ["한글 이름", "😀", "new\nline", "a::b", "-dash", "$(id)'\"", "é", "e\u0301", "x" * 240]
    for name in names:
        project.write(f"specs/{name}.yaml", SPEC)

    assert project("specs/").code == 0
    assert len(project.files("snapshots")) == len(names)
    assert project("specs/").code == 0
    assert project("specs/", "--replay").code == 0


def test_cases_of_any_name_never_share_a_file_on_any_system(project: Cli) -> None:
    names = ["ok", "OK", "Ok", "é", "e\u0301", "a/b", "a_b", "..", ".", "../../x", "con", "NUL"]
    names += ["😀", "-rf", "$(id)", "#x", "x ", "~", "ß", "ss", "l" * 500, "l" * 499]
    rows = [json.dumps({"name": name, "x": name}) for name in names]
    project.write("specs/rows.jsonl", "\n".join(rows))
    project.write("specs/rows.yaml", ROWS.replace("csv", "jsonl"))

    assert project("specs/rows.yaml").code == 0
    files = project.files("snapshots")
    assert len({name.casefold() for name in files}) == len(names)
    assert {Path(name).parent.as_posix() for name in files} == {"snapshots/rows"}
    assert project("specs/rows.yaml", "--replay").code == 0


def test_a_bad_row_spoils_itself_alone(project: Cli) -> None:
    data = (
        b'\xef\xbb\xbfname,x\r\na,"q ""q"",\r\nz"\r\nb,\xff\r\nc\r\na,again\r\n\r\nd,\xea\xb0\x92'
    )
    (project.folder / "specs").mkdir()
    (project.folder / "specs/rows.csv").write_bytes(data)
    project.write("specs/rows.yaml", ROWS)

    ran = project("specs/rows.yaml")

    assert ran.code == 3
    assert ran.err.endswith(" s\n")
    assert "3 error, 2 new in " in ran.err
    assert 'content: |-\n        q "q",\n        z\n' in project.read("snapshots/rows/a.yaml")
    assert project.files("snapshots") == ["snapshots/rows/a.yaml", "snapshots/rows/d.yaml"]


def test_a_spec_keeps_one_snapshot_wherever_it_is_run_from(project: Cli) -> None:
    project.write("specs/deep/a.yaml", SPEC)
    project("specs/deep/a.yaml")
    files = project.files()
    link = project.folder.parent / "link"
    link.symlink_to(project.folder)

    assert project("a.yaml", cwd=project.folder / "specs/deep").code == 0
    assert project(str(link / "specs/deep/a.yaml"), cwd=Path("/")).code == 0
    assert project("../specs/deep/a.yaml", cwd=link / "specs").code == 0
    assert project.files() == files


# --- interrupts while replies arrive


@pytest.mark.parametrize("answered", [1, 40, 90, 150, 220])
def test_an_interrupt_while_replies_arrive_ends_the_run_cleanly(
    project: Cli, server: OpenAIServer, answered: int
) -> None:
    server.reply = text("값", delay=0.01)
    project.write("specs/rows.csv", "name,x\n" + "".join(f"c{n},v\n" for n in range(1000)))
    project.write("specs/rows.yaml", ROWS)

    with start(project, "specs/rows.yaml", "-q") as running:
        wait_for(lambda: len(server.requests) >= answered)
        begun = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=10)

    assert running.returncode == 130, err
    assert "stopped: interrupted" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert time.monotonic() - begun < 3
    assert_all_whole(project)
