from __future__ import annotations

import re

import pytest

from promptrun.pytest_plugin.markers import marker_name
from tests.pytest_plugin.conftest import SPEC, TWO, InPytest

NONSENSE = "a: [b\n\t{{ c: !!python/object:os.system"
LISTED = ("--promptrun", "--collect-only", "-q")


def listed(text: str) -> list[str]:
    return [line for line in text.splitlines() if "::" in line]


def test_without_the_switch_no_yaml_is_touched_and_nothing_is_imported(project: InPytest) -> None:
    project.write("data/nonsense.yaml", NONSENSE)
    project.write("specs/hello.yaml", TWO)
    project.write(
        "test_it.py",
        "import sys\n"
        "def test_it():\n"
        "    assert [one for one in sys.modules if one.startswith('promptrun.')] == "
        "['promptrun.pytest_plugin']\n",
    )

    ran = project()

    assert (ran.code, ran.outcomes) == (0, {"passed": 1})


def test_each_case_is_an_item_by_its_id(project: InPytest) -> None:
    project.write("specs/hello.yaml", TWO)
    project.write("specs/deep/one.yml", SPEC)
    project.write("specs/rows.yaml", f"{SPEC}cases: {{file: ../data/rows.csv}}\n")
    project.write("data/rows.csv", "name,greeting\n첫째,안녕\nsecond one,hi\nbad\n")

    ran = project(*LISTED, "specs")

    assert ran.code == 0
    assert sorted(listed(ran.text)) == [
        "specs/deep/one.yml::default",
        "specs/hello.yaml::반말",
        "specs/hello.yaml::정중",
        "specs/rows.yaml::row at line 4",
        "specs/rows.yaml::second one",
        "specs/rows.yaml::첫째",
    ]


def test_the_ini_file_switches_it_on(project: InPytest) -> None:
    project.write("specs/hello.yaml", TWO)
    project.write("pytest.ini", "[pytest]\npromptrun = true\n")

    assert len(listed(project("--collect-only", "-q").text)) == 2


def test_collecting_imports_nothing_that_sends(project: InPytest) -> None:
    project.write("specs/hello.yaml", TWO)
    project.write(
        "conftest.py",
        "import sys\n"
        "slow = {'openai', 'asyncio', 'httpx', 'httpx2', 'jsonschema', 'rapidfuzz', 'ssl'}\n"
        "slow -= sys.modules.keys()  # what other plugins brought in\n"
        "def pytest_collection_finish():\n"
        "    print('of', len(slow), 'loaded:', sorted(slow & sys.modules.keys()))\n",
    )

    ran = project(*LISTED, "-s", "-p", "no:anyio")

    assert re.search(r"of [4-7] loaded: \[\]", ran.text)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("specs/_shared.yaml", id="a name that begins with an underscore"),
        pytest.param("specs/.hidden.yaml", id="a name that begins with a dot"),
        pytest.param("specs/_drafts/a.yaml", id="a folder that begins with an underscore"),
        pytest.param("specs/.drafts/a.yaml", id="a folder that begins with a dot"),
        pytest.param("snapshots/a.yaml", id="a folder of snapshots"),
        pytest.param("specs/a.yaml.txt", id="another ending"),
    ],
)
def test_a_scan_leaves_out_what_promptrun_leaves_out(project: InPytest, name: str) -> None:
    project.write("specs/hello.yaml", SPEC)
    project.write(name, NONSENSE)

    ran = project(*LISTED)

    assert (ran.code, listed(ran.text)) == (0, ["specs/hello.yaml::default"])


def test_a_file_that_is_named_is_taken_whatever_its_name(project: InPytest) -> None:
    project.write("specs/_draft.yaml", SPEC)

    assert listed(project(*LISTED, "specs/_draft.yaml").text) == ["specs/_draft.yaml::default"]


def test_links_to_folders_are_not_followed(project: InPytest) -> None:
    project.write("specs/hello.yaml", SPEC)
    (project.folder / "specs/again").symlink_to(project.folder / "specs")

    assert listed(project(*LISTED, "specs").text) == ["specs/hello.yaml::default"]


def test_a_file_that_is_no_spec_is_an_error_that_reads_well(project: InPytest) -> None:
    project.write("specs/hello.yaml", SPEC)
    project.write("specs/people.yaml", "people: [존]\n")

    ran = project("--promptrun")

    assert ran.code == 2
    assert "ERROR collecting specs/people.yaml" in ran.text
    assert "`messages` is missing: this is no spec" in ran.text
    assert "--> specs/people.yaml:1:1" in ran.text
    assert ".py" not in ran.text


def test_every_mistake_of_a_spec_is_shown_with_its_place(project: InPytest) -> None:
    project.write("specs/bad.yaml", f"{SPEC}temprature: 0\ntop_p: 존\nexpect: [{{contians: 존}}]\n")

    ran = project("--promptrun")

    assert ran.code == 2
    assert re.findall(r"--> (specs/bad.yaml:\d+:\d+)", ran.text) == [
        "specs/bad.yaml:4:1",
        "specs/bad.yaml:5:8",
        "specs/bad.yaml:6:11",
    ]
    assert "did you mean `temperature`?" in ran.text
    assert "Traceback" not in ran.text
    assert ".py" not in ran.text


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("specs/hello.yaml::정중",), ["정중"]),
        (("-k", "반말 and hello"), ["반말"]),
        (("-k", "not 반말"), ["정중"]),
        (("-k", "json-mode"), ["정중", "반말"]),
        (("-m", "느림"), ["반말"]),
        (("-m", "json_mode and not 느림"), ["정중"]),
        (("-m", "tag_xfail"), ["정중", "반말"]),
        (("--deselect", "specs/hello.yaml::정중"), ["반말"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_pytest_selects_by_id_words_and_tags(
    project: InPytest, arguments: tuple[str, ...], found: list[str]
) -> None:
    project.write("specs/hello.yaml", f"{TWO}    tags: [느림]\ntags: [json-mode, xfail]\n")

    ran = project(*LISTED, *arguments)

    assert [one.removeprefix("specs/hello.yaml::") for one in listed(ran.text)] == found


@pytest.mark.parametrize(
    ("tag", "marker"),
    [
        ("slow", "slow"),
        ("느림", "느림"),
        ("json-mode", "json_mode"),
        ("two words", "two_words"),
        ("a:b(c)", "a_b_c_"),
        ("2024", "tag_2024"),
        ("_own", "tag__own"),
        ("not", "tag_not"),
        ("xfail", "tag_xfail"),
        ("skip", "tag_skip"),
    ],
)
def test_a_tag_becomes_a_marker_that_can_be_asked_for(tag: str, marker: str) -> None:
    assert marker_name(tag) == marker


def test_options_that_no_run_can_mean_end_the_session(project: InPytest) -> None:
    project.write("specs/hello.yaml", SPEC)

    ran = project("--promptrun", "--promptrun-jobs", "0")

    assert ran.code == 4
    assert "`jobs` must be between 1 and 1000, not `0`" in ran.text
