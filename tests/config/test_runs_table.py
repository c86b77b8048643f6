from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from promptrun.config.runs_table import RunsTable
from promptrun.errors import UsageErrors

if TYPE_CHECKING:
    from tests.config.conftest import Load


@pytest.mark.parametrize(
    ("text", "table"),
    [
        pytest.param("", RunsTable(keep=100, days=None, record=True), id="nothing said"),
        pytest.param("[runs]", RunsTable(), id="an empty table"),
        pytest.param(
            "[runs]\nkeep = 5\ndays = 30\nrecord = false",
            RunsTable(keep=5, days=30, record=False),
            id="all said",
        ),
        pytest.param("[runs]\nrecord = true", RunsTable(), id="what holds anyway"),
    ],
)
def test_the_table_of_runs_says_how_long_records_stay(
    load: Load, text: str, table: RunsTable
) -> None:
    assert load(text).project.runs == table


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param("keep = 0", "`keep` must lie between 1 and", "", id="none kept"),
        pytest.param("keep = 1.5", "`keep` must be a whole number", "", id="half a record"),
        pytest.param("days = 0", "`days` must lie between 1 and", "", id="no day"),
        pytest.param("days = '30'", "not text", "", id="days in quotes"),
        pytest.param("record = 0", "`record` must be true or false", "", id="a number for a flag"),
        pytest.param("kep = 3", "unknown key `kep`", "did you mean `keep`?", id="a typo"),
    ],
)
def test_a_mistake_in_the_table_of_runs_is_told(
    load: Load, text: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageErrors) as caught:
        load(f"[runs]\n{text}")
    (error,) = caught.value.errors
    assert message in error.message
    assert hint in (error.hint or "")
    assert str(error.location).startswith("promptrun.toml:2:1")


def test_a_key_of_the_table_that_stands_at_the_top_is_sent_there(load: Load) -> None:
    with pytest.raises(UsageErrors, match=r"put it under `\[runs\]`"):
        load("keep = 3")
