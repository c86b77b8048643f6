"""Comparing large replies and showing what differs, in seconds and beside a floor.

Each row is one comparison by `promptrun.compare`, with the lines that `promptrun.reports` makes of
it. They have to be right: a wrong result is a failure however fast it came. The floor is what a
plain tool does with the same replies in the same run: JSON is read and spelled canonically, which a
comparison of whole texts needs, and lines go through ``difflib.unified_diff``. Run it with ``python
benchmarks/compare.py``; a first round, in which modules are loaded, does not count.
"""

from __future__ import annotations

import json
import sys
from difflib import unified_diff
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.compare import compare
from promptrun.files.json import canonical, parse_faithfully
from promptrun.models import CompareRules, Comparison, Digests, Replacement, Snapshot
from promptrun.reports.differences import write_difference
from promptrun.reports.style import Style

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
TARGET = 1.0
"""Seconds for a comparison and its text."""


class Row(NamedTuple):
    """Two replies, the rules, what else can be done with them, and whether the result is right."""

    name: str
    old: str
    new: str
    rules: CompareRules
    floor: Callable[[str, str], object]
    is_right: Callable[[Comparison, list[str]], bool]


def one_change() -> Row:
    """A large JSON reply in which one text is another: that path, both values, nothing else."""
    people = [{"id": n, "name": f"사람 {n}", "tags": ["a", "b"]} for n in range(18_400)]
    changed = [dict(one) for one in people]
    changed[9_000]["name"] = "용"
    shown = ["choice 1", '  ~ $[9000].name: "사람 9000" → "용"']
    return Row(
        name=f"{count_nodes(people):,} JSON nodes, one change",
        old=json.dumps(people, ensure_ascii=False),
        new=json.dumps(changed, ensure_ascii=False),
        rules=CompareRules(mode="json"),
        floor=spell_both,
        is_right=lambda _comparison, lines: lines == shown,
    )


def shuffled() -> Row:
    """Two lists of 400 objects in other orders, a field of every second one being another."""
    people = [
        {"id": n, "name": f"사람 {n}", "score": n, "address": {"city": f"도시 {n % 40}", "zip": n}}
        for n in range(400)
    ]
    altered = range(0, 400, 2)
    # 400 and 171 share no factor, so this is every object once.
    order = [place * 171 % 400 for place in range(400)]
    changed = [people[n] | ({"score": -1 - n} if n in altered else {}) for n in order]
    places = {n: place for place, n in enumerate(order)}
    expected = {(f"$[{places[n]}].score", n, -1 - n) for n in altered}

    def is_right(comparison: Comparison, _lines: list[str]) -> bool:
        changes = [(one.path, one.old, one.new) for one in comparison.reply[0].changes]
        return len(changes) == len(expected) and set(changes) == expected

    return Row(
        name="400 objects in another order, 200 of them changed",
        old=json.dumps(people),
        new=json.dumps(changed),
        rules=CompareRules(mode="json", ignore_order=True),
        floor=spell_both,
        is_right=is_right,
    )


def deep() -> Row:
    """Lists in lists, 500 of them, around another number: a difference."""
    old, new = ("[" * 500 + leaf + "]" * 500 for leaf in "12")
    return Row(
        name="JSON of 500 levels",
        old=old,
        new=new,
        rules=CompareRules(mode="json"),
        floor=spell_both,
        is_right=lambda comparison, lines: bool(comparison.reply) and "too large" in lines[0],
    )


def reworded() -> Row:
    """A text of 1,000 lines with another word in each."""
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "서울",
        "시내",
        "버스는",
        "오늘도",
        "jumps",
        "over",
        "it",
    ]
    lines = [[f"{n}.", *(words[n * step % 11] for step in range(5, 17))] for n in range(1_000)]
    others = [[*line[:6], "another", *line[7:]] for line in lines]
    return Row(
        name="1,000 reworded lines",
        old="\n".join(map(" ".join, lines)),
        new="\n".join(map(" ".join, others)),
        rules=CompareRules(mode="text"),
        floor=lambda old, new: list(unified_diff(old.split("\n"), new.split("\n"))),
        is_right=lambda _comparison, lines: (
            lines[-1] == "  ⋮ 1,880 more lines differ"
            and sum("{+another+}" in line for line in lines) == 60
        ),
    )


def replaced() -> Row:
    """A large JSON reply that differs only in its dates, which are replaced: equal."""
    old, new = (
        [{"id": n, "at": f"{year}-11-{n % 30 + 1:02d}", "tags": ["a"]} for n in range(18_400)]
        for year in (2025, 2026)
    )
    return Row(
        name=f"{count_nodes(old):,} JSON nodes, every date replaced",
        old=json.dumps(old),
        new=json.dumps(new),
        rules=CompareRules(
            mode="json", replace=(Replacement(pattern=r"\d{4}-\d{2}-\d{2}", text="DATE"),)
        ),
        floor=spell_both,
        is_right=lambda comparison, _lines: comparison == Comparison(),
    )


def count_nodes(value: Any) -> int:
    """The values in a JSON value, itself among them."""
    children = value.values() if isinstance(value, dict) else value
    return 1 + sum(map(count_nodes, children)) if isinstance(value, (dict, list)) else 1


def spell_both(old: str, new: str) -> object:
    """What comparing two JSON replies as canonical texts would take."""
    return [canonical(parse_faithfully(text)) for text in (old, new)]


def snapshot(text: str) -> Snapshot:
    """A reply as text, so that reading its JSON counts, too."""
    return Snapshot(
        spec="specs/a.yaml",
        case="default",
        digests=Digests(prompt="p", settings="s", model="m"),
        request=None,
        reply={"model": "m", "choices": [{"finish_reason": "stop", "content": text}]},
    )


def measure(row: Row) -> tuple[float, float, bool]:
    """Seconds of ours and of the floor, and whether ours was right."""
    old, new = snapshot(row.old), snapshot(row.new)
    begun = perf_counter()
    comparison = compare(old, new, row.rules)
    lines = [line for one in comparison.reply for line in write_difference(one, Style())]
    between = perf_counter()
    row.floor(row.old, row.new)
    ended = perf_counter()
    return between - begun, ended - between, row.is_right(comparison, lines)


def main() -> int:
    """Print each row and whether it keeps its target; 1 where one does not."""
    failed = False
    for row in (one_change(), shuffled(), deep(), reworded(), replaced()):
        measure(row)
        rounds = [measure(row) for _ in range(ROUNDS)]
        ours, floor = (median(column) for column in list(zip(*rounds, strict=True))[:2])
        right = all(is_right for _, _, is_right in rounds)
        verdict = "WRONG" if not right else "ok" if ours <= TARGET else "TOO SLOW"
        failed |= verdict != "ok"
        print(
            f"{row.name}: {ours * 1000:.1f} ms (target {TARGET * 1000:.0f}), "
            f"floor {floor * 1000:.1f} ms, ratio {ours / floor:.1f} {verdict}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
