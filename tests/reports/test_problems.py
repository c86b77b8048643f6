from __future__ import annotations

from promptrun.errors import Location, SpecError, SpecErrors, UsageError
from promptrun.reports.problems import write_problem
from promptrun.reports.style import Style

PLAIN = Style()
COLOURED = Style(color=True)


def test_an_error_says_what_where_and_what_mends_it() -> None:
    error = SpecError(
        "unknown key `temprature`",
        location=Location("specs/hello.yaml", 4, 3, "  temprature: 0", 10),
        hint="did you mean `temperature`?",
    )

    assert write_problem(error, PLAIN) == (
        "error: unknown key `temprature`\n"
        "  --> specs/hello.yaml:4:3\n"
        " 4 |   temprature: 0\n"
        "   |   ^^^^^^^^^^\n"
        "hint: did you mean `temperature`?"
    )


def test_a_caret_stands_below_its_word_behind_wide_letters() -> None:
    source = "content: 안녕하세요 {{ 이름 }}"
    error = SpecError("no variable `이름`", location=Location("a.yaml", 12, 19, source, 2))

    lines = write_problem(error, PLAIN).split("\n")

    assert lines[2] == " 12 | content: 안녕하세요 {{ 이름 }}"
    # Five letters of two columns precede it; the two letters that are meant take four.
    assert lines[3] == "    | " + " " * (len("content: ") + 10 + len(" {{ ")) + "^^^^"


def test_a_long_line_is_shown_around_its_caret() -> None:
    source = "x" * 5000 + "HERE" + "y" * 5000
    error = SpecError("wrong", location=Location("a.yaml", 1, 5001, source, 4))

    _, _, shown, caret = write_problem(error, PLAIN).split("\n")

    assert len(shown) < 120
    assert shown[caret.index("^") :].startswith("HERE")
    assert caret.endswith("^^^^")


def test_text_from_a_file_cannot_move_the_cursor() -> None:
    error = SpecError(
        "unknown key `\x1b[2Ja\u202eb`", location=Location("a.yaml", 1, 1, "\x1b[2Ja: 1", 6)
    )

    text = write_problem(error, PLAIN)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[2Ja" in text


def test_a_tab_counts_as_one_column() -> None:
    error = SpecError("wrong", location=Location("a.yaml", 1, 2, "\tb: 1", 1))

    assert write_problem(error, PLAIN).split("\n")[2:] == [" 1 |  b: 1", "   |  ^"]


def test_a_place_in_an_unknown_line_is_named_without_it() -> None:
    error = UsageError("wrong", location=Location("promptrun.toml", 3))

    assert write_problem(error, PLAIN) == "error: wrong\n  --> promptrun.toml:3:1"


def test_several_errors_stand_apart() -> None:
    errors = SpecErrors([SpecError("one"), SpecError("two", hint="mend it")])

    assert write_problem(errors, PLAIN) == "error: one\n\nerror: two\nhint: mend it"


def test_colour_marks_the_word_and_the_caret() -> None:
    error = SpecError("wrong", location=Location("a.yaml", 1, 1, "a: 1", 1), hint="mend it")

    text = write_problem(error, COLOURED)

    assert "\x1b[31merror\x1b[0m: wrong" in text
    assert "\x1b[31m^\x1b[0m" in text
    assert "\x1b[1mhint\x1b[0m: mend it" in text
