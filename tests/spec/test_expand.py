"""A spec becomes cases: entries or rows, times the matrix, under the command line."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from promptrun.errors import SpecErrors
from promptrun.models import BadCase, Case, FileRef, Overrides
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.spec.conftest import Project


def good(cases: Iterable[Case | BadCase]) -> list[Case]:
    cases = list(cases)
    assert all(isinstance(case, Case) for case in cases), cases
    return [case for case in cases if isinstance(case, Case)]


def bad(cases: Iterable[Case | BadCase]) -> list[tuple[str, str]]:
    return [(case.name, str(case.error)) for case in cases if isinstance(case, BadCase)]


@pytest.mark.parametrize("text", ["", "cases: [{vars: {q: 1}}]"])
def test_one_case_without_a_name_is_the_default(project: Project, text: str) -> None:
    [case] = good(project.cases(text))
    assert case.id == "specs/a.yaml::default"


def test_a_case_lies_over_its_spec(project: Project) -> None:
    text = """\
temperature: 0
tags: [a]
vars: {x: 1, y: 1}
expect: [{contains: one}]
compare: {mode: json, tolerance: 1}
cases:
  - name: 2024
    description: a year as a name
    vars: {y: 2, z: {file: z.txt}}
    parameters: {temperature: 1}
    seed: 3
    expect: [{contains: two}]
    compare: {mode: text}
    tags: [a, b]
"""
    [case] = good(project.cases(text))
    assert case.name == "2024"
    assert {name: case.vars[name] for name in "xy"} == {"x": 1, "y": 2}
    assert isinstance(case.vars["z"], FileRef)
    assert case.fields["temperature"] == 1
    assert list(case.fields) == ["model", "messages", "temperature", "seed"]
    assert case.origins["temperature"] == ("cases", 0, "parameters", "temperature")
    assert [rule.argument for rule in case.expect] == ["one", "two"]
    assert (case.compare.mode, case.compare.tolerance) == ("text", 1)
    assert case.tags == ("a", "b")
    assert case.location.line == 10
    assert case.spec.fields["temperature"] == 0


def test_the_matrix_multiplies_and_names(project: Project) -> None:
    text = """\
cases: [{name: x}, {name: y}]
matrix: {model: [a, b], parameters.temperature: [0, 1.5], vars.language: [ko]}
"""
    cases = good(project.cases(text))
    assert [case.name for case in cases][:4] == [
        "x,model=a,temperature=0,language=ko",
        "x,model=a,temperature=1.5,language=ko",
        "x,model=b,temperature=0,language=ko",
        "x,model=b,temperature=1.5,language=ko",
    ]
    assert len(cases) == 8
    assert cases[3].fields["model"] == "b"
    assert cases[3].fields["temperature"] == 1.5
    assert cases[3].vars == {"language": "ko"}
    assert cases[3].origins["model"] == ("matrix", "model", 1)
    assert next(iter(cases[3].fields)) == "model"


def test_axes_of_one_name_are_named_in_full(project: Project) -> None:
    [case] = good(project.cases("matrix: {model: [a], vars.model: [b]}"))
    assert case.name == "default,model=a,vars.model=b"


def test_long_and_odd_values_are_named_by_their_digest(project: Project) -> None:
    long = "x" * 100
    [first, second] = good(project.cases(f'matrix: {{vars.q: [{long}, "a\\nb"]}}'))
    for case in (first, second):
        assert len(case.name) == len("default,q=") + 16
        assert case.name.isprintable()


def test_the_command_line_lies_over_everything(project: Project) -> None:
    text = """\
stream: true
stream_options: {include_usage: true}
cases: [{name: a, vars: {x: 1}, seed: 1}]
"""
    overrides = Overrides(vars={"x": "2", "w": "3"}, fields={"seed": 9, "stream": False})
    [case] = good(project.cases(text, overrides))
    assert case.vars == {"x": "2", "w": "3"}
    assert case.fields["seed"] == 9
    assert case.fields["stream"] is False
    assert "stream_options" not in case.fields
    assert "seed" not in case.origins
    assert case.warned == ()


def test_what_the_matrix_makes_wrong_is_a_warning_of_that_case(project: Project) -> None:
    spec = project.add("top_logprobs: 2\nmatrix: {logprobs: [true, false]}")
    assert spec.warned == ()
    fine, wrong = good(expand(spec))
    assert fine.warned == ()
    assert [one.message for one in wrong.warned] == ["`top_logprobs` needs `logprobs: true`"]
    assert wrong.warned[0].location.line == 4


def test_what_the_command_line_makes_wrong_is_a_warning_too(project: Project) -> None:
    [case] = good(project.cases("", Overrides(fields={"top_logprobs": 2})))
    assert [one.message for one in case.warned] == ["`top_logprobs` needs `logprobs: true`"]


DATA: list[tuple[str, str]] = [
    ("d.csv", "name,q\none,1\ntwo,2\n"),
    ("d.jsonl", '{"name": "one", "q": "1"}\n\n{"name": "two", "q": "2"}'),
    ("d.json", '[{"name": "one", "q": "1"}, {"name": "two", "q": "2"}]'),
    ("d.yaml", "- {name: one, q: '1'}\n- name: two\n  q: '2'\n"),
    ("d.YML", "- {name: one, q: '1'}\n- name: two\n  q: '2'\n"),
]


@pytest.mark.parametrize(("name", "data"), DATA, ids=[name for name, _ in DATA])
def test_a_row_is_a_case_in_every_format(project: Project, name: str, data: str) -> None:
    project.write(f"specs/{name}", data)
    cases = good(project.cases(f"vars: {{q: 0, r: 1}}\ncases: {{file: {name}}}"))
    assert [(case.name, case.vars) for case in cases] == [
        ("one", {"q": "1", "r": 1, "name": "one"}),
        ("two", {"q": "2", "r": 1, "name": "two"}),
    ]
    assert cases[1].location.file == f"specs/{name}"


def test_values_of_rows_are_verbatim(project: Project) -> None:
    project.write("specs/d.jsonl", '{"name": "a", "q": {"file": "/etc/passwd"}, "r": "{{ x }}"}\n')
    [case] = good(project.cases("cases: {file: d.jsonl}"))
    assert case.vars == {"name": "a", "q": {"file": "/etc/passwd"}, "r": "{{ x }}"}


def test_a_row_is_named_by_its_id_or_its_variables(project: Project) -> None:
    project.write("specs/d.jsonl", '{"id": 7, "q": 1}\n{"q": 1}\n{"q": 2}\n')
    names = [case.name for case in good(project.cases("cases: {file: d.jsonl}"))]
    assert names[0] == "7"
    assert len({*names}) == 3
    project.write("specs/d.jsonl", '{"q": 2}\n')
    assert [case.name for case in good(project.cases("cases: {file: d.jsonl}"))] == names[2:]


def test_a_bad_row_of_csv_spoils_only_itself(project: Project) -> None:
    data = (
        b"\xef\xbb\xbfname,q\r\n"
        b'one,"{{ x }}"\r\n'
        b"one,again\r\n"
        b"two\r\n"
        b"\r\n"
        b'three,"a\r\nb"\r\n'
        b'four,"x"y\r\n'
        b"five,\xff\r\n"
        b" ,six\r\n"
        b"seven,7\r\n"
        b'eight,"never closed\r\n'
        b"nine,9\r\n"
    )
    project.write("specs/d.csv", data)
    cases = list(expand(project.add("cases: {file: d.csv}")))
    fine = [case for case in cases if isinstance(case, Case)]
    assert [(case.name, case.vars["q"]) for case in fine] == [
        ("one", "{{ x }}"),
        ("three", "a\nb"),
        ("seven", "7"),
    ]
    messages = [(name, text.split(" (hint")[0]) for name, text in bad(cases)]
    assert messages == [
        ("row at line 3", "specs/d.csv:3:1: two cases are called `one`: here and at line 2"),
        ("row at line 4", "specs/d.csv:4:1: columns: 1 in the row, 2 in the header"),
        (
            "row at line 8",
            "specs/d.csv:8:1: a text goes on behind its closing quote; double a quote inside it",
        ),
        ("row at line 9", "specs/d.csv:9:1: it is not UTF-8"),
        ("row at line 10", "specs/d.csv:10:1: a case's name must not be empty"),
        ("row at line 12", "specs/d.csv:12:1: the quote that opens here is never closed"),
    ]


@pytest.mark.parametrize("shift", range(2))
@pytest.mark.parametrize(
    ("name", "row"),
    [("d.csv", "{},할머니와 뷁\n"), ("d.jsonl", '{{"name": {}, "q": "할머니와 뷁"}}\n')],
)
def test_a_file_in_cp949_is_one_mistake(project: Project, name: str, row: str, shift: int) -> None:
    rows = "".join(row.format(10_000 + n) for n in range(20_000))
    text = ("name,q\n" if name == "d.csv" else "") + " " * shift + rows
    project.write(f"specs/{name}", text.encode("cp949"))
    [error] = project.added_errors(f"cases: {{file: {name}}}")
    assert error.message.startswith(f"`{name}` is not UTF-8 (byte ")
    assert error.hint is not None
    assert error.hint.startswith("it looks like CP949 (EUC-KR): save it as UTF-8")


@pytest.mark.parametrize("cell", ["Äpfel", "naïve", "München"])
def test_a_row_in_latin_1_spoils_only_itself(project: Project, cell: str) -> None:
    project.write("specs/d.csv", b"name,q\none," + cell.encode("latin-1") + b"\ntwo,2\n")
    cases = list(expand(project.add("cases: {file: d.csv}")))
    assert [type(case) for case in cases] == [BadCase, Case]


@pytest.mark.parametrize("shift", range(3))
def test_korean_in_utf8_is_no_mistake_wherever_it_is_cut(project: Project, shift: int) -> None:
    text = "name,q\n" + "x" * shift + ",1\n" + "".join(f"{n:05},할머니\n" for n in range(20_000))
    assert len(text.encode()) > 2**18
    project.write("specs/d.csv", text)
    assert len(list(expand(project.add("cases: {file: d.csv}")))) == 20_001


def test_a_bad_row_of_json_lines_spoils_only_itself(project: Project) -> None:
    lines = [
        '{"name": "a"}',
        "[1]",
        "{",
        '{"name": "b", "q": NaN}',
        '{"name": "\\ud83d"}',
        "[" * 100_000,
        '{"name": null}',
        '{"name": "c"}',
    ]
    project.write("specs/d.jsonl", "\n".join(lines))
    cases = list(expand(project.add("cases: {file: d.jsonl}")))
    assert [case.name for case in cases if isinstance(case, Case)] == ["a", "c"]
    assert [name for name, _ in bad(cases)] == [f"row at line {line}" for line in range(2, 8)]


@pytest.mark.parametrize(
    ("name", "data", "row"),
    [
        ("d.json", '[{"q": 1}, 3, {"q": 2}]', "row 2"),
        ("d.yaml", "- {q: 1}\n- 3\n- {q: 2}\n", "row at line 2"),
    ],
)
def test_a_row_that_is_no_mapping_spoils_only_itself(
    project: Project, name: str, data: str, row: str
) -> None:
    project.write(f"specs/{name}", data)
    cases = list(expand(project.add(f"cases: {{file: {name}}}")))
    assert [type(case) for case in cases] == [Case, BadCase, Case]
    assert [name for name, _ in bad(cases)] == [row]


def test_two_rows_of_one_name_in_json_are_named_by_their_number(project: Project) -> None:
    project.write("specs/d.json", '[{"name": "a"}, {"name": "a"}]')
    [(name, text)] = bad(expand(project.add("cases: {file: d.json}")))
    assert name == "row 2"
    assert "here and at row 1" in text


def test_a_name_that_the_matrix_makes_twice_is_an_error(project: Project) -> None:
    text = 'cases: [{name: "a,l=x"}, {name: a}]\nmatrix: {vars.l: ["y", "x,l=y"]}'
    [(name, _)] = bad(project.cases(text))
    assert name == "a,l=x,l=y"


def test_many_bad_rows_do_not_read_the_file_again_and_again(project: Project) -> None:
    project.write("specs/d.csv", "name\n" + "a\n" * 3_000)
    cases = list(expand(project.add("cases: {file: d.csv}")))
    assert len(bad(cases)) == 2_999
    assert "an earlier row" in bad(cases)[-1][1]


@pytest.mark.parametrize(
    "row",
    ["x" * (9 * 2**20), '"' + "x" * (5 * 2**20) + '"'],
    ids=["a long line", "a long field"],
)
def test_a_row_past_the_bounds_is_bad_and_the_next_is_read(project: Project, row: str) -> None:
    project.write("specs/d.csv", f"q\n{row}\nlast\n")
    cases = list(expand(project.add("cases: {file: d.csv}")))
    assert [name for name, _ in bad(cases)] == ["row at line 2"]
    last = cases[-1]
    assert isinstance(last, Case)
    assert last.vars == {"q": "last"}


@pytest.mark.parametrize(
    "lines",
    ["x\n" * (5 * 2**20), ('"' + "x" * 1_000 + '\n",') * 9_000],
    ids=["one column", "many columns"],
)
def test_rows_behind_a_quote_that_is_never_closed_are_not_made_up(
    project: Project, lines: str
) -> None:
    project.write("specs/d.csv", f'q\nfirst\n"{lines}\nlast\n'.replace('""', '"'))
    cases = list(expand(project.add("cases: {file: d.csv}")))
    assert [case.vars["q"] for case in cases if isinstance(case, Case)] == ["first"]
    assert [name for name, _ in bad(cases)] == ["row at line 3"]


LONG = "x" * 500
STREAMS = {
    "d.csv": ("q,text\n", lambda n: f"{n},{LONG}\n", ""),
    "d.jsonl": ("", lambda n: f'{{"q": {n}, "text": "{LONG}"}}\n', ""),
    "d.yaml": ("", lambda n: f"- q: {n}\n  text: {LONG}\n", ""),
    "d.json": ("[", lambda n: f'{{"q": {n}, "text": "{LONG}"}},', "{}]"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_rows_are_a_stream_in_every_format(project: Project, name: str) -> None:
    head, row, end = STREAMS[name]
    project.write(f"specs/{name}", head + "".join(map(row, range(5_000))) + end)
    spec = project.add(f"cases: {{file: {name}}}")
    tracemalloc.start()
    count = sum(1 for case in expand(spec) if isinstance(case, Case))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count in {5_000, 5_001}
    assert peak < 1_500_000  # the file has two and a half million characters


@pytest.mark.parametrize(
    ("name", "data", "messages"),
    [
        (
            "d.yaml",
            "- {name: 가}\n- {name: 가}\n- {name: 나, name: 다}\n- 3\n- {name: [}\n- {name: 라}\n",
            [
                (
                    "row at line 2",
                    "specs/d.yaml:2:3: two cases are called `가`: here and at line 1",
                ),
                ("row at line 3", "specs/d.yaml:3:13: the key `name` stands twice"),
                ("row at line 4", "specs/d.yaml:4:3: the row must be a mapping of variables"),
                (
                    "row at line 5",
                    "specs/d.yaml:5:11: expected a value here; the rows behind it cannot be read",
                ),
            ],
        ),
        (
            "d.json",
            '[{"name": "가"}, {"q": NaN}, {"q": 1e999}, 3, {"q": }, {"name": "라"}]',
            [
                ("row 2", "specs/d.json:1:1: row 2 cannot be used: `NaN` is not JSON"),
                (
                    "row 3",
                    (
                        "specs/d.json:1:1: row 3 cannot be used: "
                        "`1e999` is beyond what a float can hold"
                    ),
                ),
                (
                    "row 4",
                    "specs/d.json:1:1: row 4 cannot be used: it must be a mapping of variables",
                ),
                (
                    "row 5",
                    "specs/d.json:1:1: row 5 and those behind it cannot be read: Expecting value",
                ),
            ],
        ),
    ],
    ids=["yaml", "json"],
)
def test_the_rows_above_a_mistake_are_cases(
    project: Project, name: str, data: str, messages: list[tuple[str, str]]
) -> None:
    project.write(f"specs/{name}", data)
    cases = list(expand(project.add(f"cases: {{file: {name}}}")))
    assert [case.name for case in cases if isinstance(case, Case)] == ["가"]
    assert [(label, text.split(" (hint")[0]) for label, text in bad(cases)] == messages


def test_a_data_file_that_vanished_is_an_error_with_its_place(project: Project) -> None:
    path = project.write("specs/d.csv", "q\n1\n")
    spec = project.add("cases: {file: d.csv}")
    path.unlink()
    with pytest.raises(SpecErrors) as caught:
        list(expand(spec))
    assert str(caught.value.errors[0].location) == "specs/a.yaml:4:15"


@pytest.mark.parametrize("value", [1, "x", {"a": [1]}, None, True])
def test_any_json_value_can_be_an_axis_of_variables(project: Project, value: Any) -> None:
    import json

    [case] = good(project.cases(f"matrix: {{vars.q: [{json.dumps(value)}]}}"))
    assert case.vars == {"q": value}
