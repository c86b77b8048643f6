"""Which file keeps which case."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrun.errors import SpecError
from promptrun.snapshots import snapshot_path
from promptrun.snapshots.paths import file_stem, keeps

ROOT = Path("/work/project")


def place(spec: str, case: str = "default", provider: str = "openai") -> str:
    return snapshot_path(ROOT, ROOT / spec, case, provider).relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("specs/b.yaml", "snapshots/b/default.yaml"),
        ("specs/a/b.yaml", "snapshots/a/b/default.yaml"),
        ("apps/one/specs/b.yml", "apps/one/snapshots/b/default.yaml"),
        ("specs/x/specs/b.yaml", "specs/x/snapshots/b/default.yaml"),
        ("b.yaml", "snapshots/b/default.yaml"),
        ("prompts/b.chat.yaml", "prompts/snapshots/b.chat/default.yaml"),
    ],
)
def test_snapshots_lie_beside_the_nearest_folder_of_specs(spec: str, expected: str) -> None:
    assert place(spec) == expected


def test_a_root_that_is_called_specs_keeps_its_snapshots_within() -> None:
    root = Path("/work/specs")
    path = snapshot_path(root, root / "a" / "b.yaml", "default", "openai")
    assert path == root / "a" / "snapshots" / "b" / "default.yaml"


def test_another_provider_has_a_folder_of_its_own() -> None:
    assert place("specs/a/b.yaml", provider="local") == "snapshots/@local/a/b/default.yaml"
    assert place("b.yaml", provider="ollama") == "snapshots/@ollama/b/default.yaml"
    assert ".." not in Path(place("b.yaml", provider="../../x")).parts


@pytest.mark.parametrize("spec", ["specs/@local/b.yaml", "specs/a/@x/b.yaml", "specs/@local.yaml"])
def test_no_folder_of_specs_begins_with_an_at(spec: str) -> None:
    with pytest.raises(SpecError, match="begins with `@`"):
        place(spec)


@pytest.mark.parametrize("spec", ["/etc/b.yaml", "../b.yaml", "specs/../../b.yaml"])
def test_a_spec_outside_the_root_has_no_snapshot(spec: str) -> None:
    with pytest.raises(SpecError, match="outside"):
        place(spec)


@pytest.mark.parametrize(
    "name",
    ["english", "ko,language=ko", "default", "v1.5_x-2", "할머니와 할아버지".replace(" ", "_")],
)
def test_a_plain_name_is_its_own_file_name(name: str) -> None:
    assert file_stem(name) == name


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        pytest.param("two words", "two_words", id="space"),
        pytest.param("a/b\\c:d", "a_b_c_d", id="separators"),
        pytest.param("English", "English", id="capitals"),
        pytest.param("straße", "straße", id="letters that fold into two"),
        pytest.param("con", "con", id="reserved name"),
        pytest.param("nul.txt", "nul_txt", id="reserved name with an ending"),
        pytest.param(".hidden", "_hidden", id="leading dot"),
        pytest.param("..", "_.", id="the folder above"),
        pytest.param("", "_", id="empty"),
        pytest.param("a~12345678", "a_12345678", id="looks like a digest"),
        pytest.param("e\u0301", "\u00e9", id="decomposed"),
        pytest.param("가" * 40, "가" * 26, id="long Korean, cut between letters"),
        pytest.param("x" * 200, "x" * 80, id="long"),
        pytest.param("a\x00b\n\ud800", "a_b__", id="controls and surrogates"),
    ],
)
def test_a_name_that_had_to_change_or_could_be_mixed_up_carries_a_digest(
    name: str, readable: str
) -> None:
    stem, tilde, digest = file_stem(name).rpartition("~")
    assert (stem, tilde, len(digest)) == (readable, "~", 8)
    assert len(stem.encode()) <= 80


@given(st.text(), st.text())
def test_no_two_names_share_a_file_even_where_case_is_ignored(one: str, other: str) -> None:
    if one != other:
        assert file_stem(one).casefold() != file_stem(other).casefold()


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), ("ab", "aB"), ("s", "ſ"), ("σ", "ς"), ("é", "e\u0301"), ("ß", "ss")],
)
def test_names_that_a_file_system_takes_for_one_have_two_files(one: str, other: str) -> None:
    assert file_stem(one).casefold() != file_stem(other).casefold()


@given(st.text(), st.text())
def test_every_name_stays_below_the_root(case: str, provider: str) -> None:
    path = snapshot_path(ROOT, ROOT / "specs/a.yaml", case, provider)
    assert path.is_relative_to(ROOT / "snapshots")
    assert not any(part.startswith(".") for part in path.parts)
    assert keeps(ROOT, path, "specs/a.yaml", case)


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("snapshots/b/default.yaml", "specs/a.yaml"),
        ("snapshots/x/a/default.yaml", "specs/a.yaml"),
        ("snapshots/@local/@x/a/default.yaml", "specs/a.yaml"),
        ("promptrun.yaml", "specs/a.yaml"),
        ("snapshots/a/default.yaml", "../specs/a.yaml"),
        ("snapshots/a/default.yaml", "/specs/a.yaml"),
    ],
)
def test_a_place_that_no_provider_gives_a_case_is_not_its_place(path: str, spec: str) -> None:
    assert not keeps(ROOT, ROOT / path, spec, "default")
