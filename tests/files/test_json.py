"""One spelling for each JSON value, and strict reading."""

from __future__ import annotations

import pytest

from promptrun.files.json import canonical, digest, parse


def test_the_order_of_keys_changes_nothing() -> None:
    assert canonical({"b": 1, "a": "한"}) == canonical({"a": "한", "b": 1}) == '{"a":"한","b":1}'


def test_one_and_one_point_nought_stay_different() -> None:
    assert digest(1) != digest(1.0)


def test_half_a_character_has_a_digest() -> None:
    assert len(digest("\ud83d")) == 16


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "1e999", '{"a": [-1e999]}', "{", "[" * 100_000, ""]
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)
