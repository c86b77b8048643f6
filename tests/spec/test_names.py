"""Names that went by are told apart, in little memory."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from promptrun.spec.names import SeenNames


@given(st.lists(st.text(max_size=2) | st.integers(0, 40).map("사례 {}".format)))
def test_a_name_is_new_exactly_once(names: list[str]) -> None:
    seen, reference = SeenNames(), set[str]()
    for name in names:
        assert seen.add(name) == (name not in reference)
        reference.add(name)


def test_a_hundred_thousand_names_take_few_bytes_each() -> None:
    seen = SeenNames()
    tracemalloc.start()
    assert all(seen.add(f"사례 {number}") for number in range(100_000))
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 12 * 100_000
    assert not any(seen.add(f"사례 {number}") for number in range(0, 100_000, 7))
