from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from promptrun.errors import Location, SpecError, SpecErrors
from promptrun.files.source import Place
from promptrun.models import FileRef
from promptrun.render import render_request
from tests.render.making import make_case, mistakes, one_message, render_text

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import Case

HERE = Location("spec.yaml", 9, 3)


def ref(root: Path, name: str) -> FileRef:
    return FileRef(name=name, folder=root, place=Place(lambda: HERE))


def messages_of(root: Path, text: str, **variables: Any) -> list[dict[str, Any]]:
    messages = render_request(make_case(root, "model: m\n" + text, vars=variables)).body["messages"]
    assert isinstance(messages, list)
    return messages


def first_error(case: Case) -> SpecError:
    with pytest.raises(SpecErrors) as caught:
        render_request(case)
    return caught.value.errors[0]


def test_content_from_a_file_is_a_template(root: Path) -> None:
    (root / "system.md").write_bytes("\ufeffYou are {{ who }}.\r\n".encode())
    text = "messages: [{role: system, content: {file: system.md}}]"
    assert messages_of(root, text, who="a pirate")[0]["content"] == "You are a pirate.\n"


def test_content_from_a_file_includes_beside_that_file(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts" / "a.md").write_text("{% include 'b.md' %}", encoding="utf-8")
    (root / "prompts" / "b.md").write_text("b", encoding="utf-8")
    text = "messages: [{role: system, content: {file: prompts/a.md}}]"
    assert messages_of(root, text)[0]["content"] == "b"


def test_the_name_of_a_content_file_is_a_template(root: Path) -> None:
    (root / "ko.md").write_text("안녕", encoding="utf-8")
    text = 'messages: [{role: system, content: {file: "{{ language }}.md"}}]'
    assert messages_of(root, text, language="ko")[0]["content"] == "안녕"
    case = make_case(root, "model: m\n" + text, vars={"language": "../outside"})
    assert mistakes(case) == ["`../outside.md` lies outside the project"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.md", "no file `nothing.md`"),
        ("../outside.txt", "`../outside.txt` lies outside the project"),
        ("link.txt", "`link.txt` lies outside the project"),
        (".env", "`.env` is hidden: `.env` begins with a dot"),
        ("/etc/passwd", "`/etc/passwd` is an absolute path"),
        ("binary.txt", "`binary.txt` is not UTF-8 (byte 0)"),
    ],
)
def test_a_content_file_that_cannot_be_had_is_an_error_at_its_name(
    root: Path, name: str, message: str
) -> None:
    text = f"model: m\nmessages:\n  - role: user\n    content: {{file: {name}}}\n"
    error = first_error(make_case(root, text))
    assert (error.message, str(error.location)) == (message, "spec.yaml:4:21")


def test_turns_from_a_file_are_rendered_and_spliced_in_place(root: Path) -> None:
    (root / "turns").mkdir()
    (root / "turns" / "t.yaml").write_text(
        "- {role: user, content: 'I am {{ who }}'}\n- {role: assistant, content: {file: a.md}}\n",
        encoding="utf-8",
    )
    (root / "turns" / "a.md").write_text("Hello {{ who }}", encoding="utf-8")
    text = """\
messages:
  - {role: system, content: s}
  - messages_from: turns/t.yaml
  - {role: user, content: "{{ who }}?"}
"""
    assert [m["content"] for m in messages_of(root, text, who="x")] == [
        "s",
        "I am x",
        "Hello x",
        "x?",
    ]


def test_turns_from_a_variable_are_verbatim_and_open_no_files(root: Path) -> None:
    history = [
        {"role": "user", "content": "{{ 7 * 7 }}"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "cat.png"}}]},
    ]
    text = 'messages: [{role: system, content: s}, {messages_from: "{{ history }}"}]'
    assert messages_of(root, text, history=history)[1:] == history


def test_turns_from_a_variable_are_checked(root: Path) -> None:
    text = 'model: m\nmessages:\n  - messages_from: "{{ history }}"\n'
    bad = {"history": [{"role": "usr", "content": "a"}]}
    error = first_error(make_case(root, text, vars=bad))
    assert "usr" in error.message
    assert error.location is not None
    assert error.location.line == 3
    unread = {"history": [{"role": "user", "content": {"file": ".env"}}]}
    assert "must be text" in first_error(make_case(root, text, vars=unread)).message


def test_a_mistake_in_a_file_of_turns_is_shown_in_that_file(root: Path) -> None:
    (root / "t.yaml").write_text("- role: user\n  content: a\n- role: usr\n  content: a\n", "utf-8")
    text = "model: m\nmessages: [{role: system, content: s}, {messages_from: t.yaml}]\n"
    error = first_error(make_case(root, text))
    assert "usr" in error.message
    assert str(error.location) == "t.yaml:3:9"


def test_a_missing_variable_in_a_file_of_turns_is_shown_in_that_file(root: Path) -> None:
    (root / "t.yaml").write_text("- role: user\n  content: |\n    a\n    {{ x }}\n", "utf-8")
    error = first_error(make_case(root, "model: m\nmessages: [{messages_from: t.yaml}]\n"))
    assert str(error.location) == "t.yaml:4:8"


@pytest.mark.parametrize(
    ("written", "turns", "message"),
    [
        ('"{{ history }}"', "text", "`{{ history }}` gives no list of messages"),
        ('"{{ history }} "', [], "`{{ history }} ` gives no list of messages"),
        ('"{{ missing }}"', [], "the variable `missing` has no value"),
        ("nothing.yaml", [], "no file `nothing.yaml`"),
        ("m.txt", [], "`m.txt` holds no list of messages"),
        ("nested.yaml", [], "`messages_from` stands in a file of turns"),
        ("bad.yaml", [], "stands twice"),
    ],
)
def test_turns_that_are_none_are_an_error(
    root: Path, written: str, turns: Any, message: str
) -> None:
    (root / "m.txt").write_text("just text", encoding="utf-8")
    (root / "nested.yaml").write_text("- messages_from: nested.yaml\n", encoding="utf-8")
    (root / "bad.yaml").write_text("- {role: user, role: user}\n", encoding="utf-8")
    text = f"model: m\nmessages: [{{messages_from: {written}}}]\n"
    assert message in first_error(make_case(root, text, vars={"history": turns})).message


def test_variables_from_files_are_text_or_parsed_by_their_ending(root: Path) -> None:
    (root / "story.txt").write_text("{{ not.rendered }}\n", encoding="utf-8")
    (root / "a.json").write_text('{"b": [1, "가"]}', encoding="utf-8")
    (root / "a.yaml").write_text("b: no\n", encoding="utf-8")
    variables = {"s": ref(root, "story.txt"), "j": ref(root, "a.json"), "y": ref(root, "a.yaml")}
    text = render_text(root, "{{ s }}{{ j.b[1] }}{{ j.b|length }}{{ y.b }}", **variables)
    assert text == "{{ not.rendered }}\n가2no"


def test_a_variable_from_a_file_works_inside_of_included_files(root: Path) -> None:
    (root / "story.txt").write_text("once", encoding="utf-8")
    (root / "part.txt").write_text("{% macro m() %}{{ s }}{% endmacro %}{{ m() }}{{ s }}", "utf-8")
    assert render_text(root, "{% include 'part.txt' %}", s=ref(root, "story.txt")) == "onceonce"


def test_the_file_of_a_variable_that_is_not_used_is_not_read(root: Path) -> None:
    assert render_text(root, "a", s=ref(root, "nothing.txt")) == "a"
    assert render_text(root, "{{ 1 }}", s=ref(root, "nothing.txt")) == "1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("nothing.txt", None, "no file `nothing.txt`"),
        ("../outside.txt", None, "`../outside.txt` lies outside the project"),
        ("bad.json", "{'a': 1}", "`bad.json` is not JSON"),
        ("deep.json", "[" * 100_000 + "]" * 100_000, "`deep.json` is not JSON: nested too deeply"),
    ],
)
def test_a_variable_s_file_that_cannot_be_had_is_an_error_where_it_is_named(
    root: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (root / name).write_text(text, encoding="utf-8")
    error = first_error(one_message(root, "{{ v }}{{ v }}", v=ref(root, name)))
    assert error.message.startswith(message)
    assert error.location == HERE


def test_a_file_that_changed_is_read_anew(root: Path) -> None:
    (root / "story.txt").write_text("one", encoding="utf-8")
    assert render_text(root, "{{ s }}", s=ref(root, "story.txt")) == "one"
    (root / "story.txt").write_text("second", encoding="utf-8")
    assert render_text(root, "{{ s }}", s=ref(root, "story.txt")) == "second"
