"""A difference, for reading: lines with the words that changed, or JSON changes by path.

Everything is bounded, what is left out is counted, and text from outside is made visible.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from promptrun.reports.style import Style, visible, visible_line
from promptrun.reports.words import Apart, Run, align_lines, mark_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from promptrun.models import Change, Difference

    Side = Literal["old", "new", "both"]

CONTEXT: Final = 2
"""Equal lines that are shown on each side of a change."""
MAX_LINES: Final = 120
"""Lines of one difference."""
MAX_CHANGES: Final = 50
"""JSON changes of one difference."""
MAX_CHANGE_LINES: Final = 12
"""Lines of a long text that is one JSON change."""
MAX_LINE: Final = 2_000
"""Characters of one line."""
MAX_VALUE: Final = 100
"""Characters of a JSON value that stands beside its path."""
SHORT: Final = 24
"""Characters of a text that is shown as ``old → new``."""
EDGE: Final = 40
"""Characters of a long line that are kept beside a change."""

_SIDES: Final[tuple[Side, Side]] = ("old", "new")
_SIGNS: Final[dict[Side, str]] = {"old": "-", "new": "+", "both": " "}


def write_difference(difference: Difference, style: Style) -> Iterator[str]:
    """The lines of one difference, without line ends; never more than about a thousand.

    Without colour, ``[-old-]`` and ``{+new+}`` mark the words that differ inside a line. Where
    `style` folds, a line takes as many rows as it needs, and its sign stands alone in its column.
    """
    for line in _write(difference, style):
        yield from style.fold(line, _hang(line)) if style.folds else (line,)


def _hang(line: str) -> int:
    """The column of a line's own text, behind its sign: there its later rows begin, too."""
    import re

    plain = re.sub(r"\x1b\[[\d;]*m", "", line)
    text = re.sub(r"^ *([-+~⋮] )?", "", plain)
    return len(plain) - len(text) or 2


def _write(difference: Difference, style: Style) -> Iterator[str]:
    where = style.paint(_cut(visible_line(difference.where), MAX_VALUE), "bold")
    if difference.changes:
        yield where
        yield from _write_changes(difference.changes, style)
        return
    old, new = difference.old, difference.new
    if old is None or new is None:
        yield from _write_one_side(where, difference, style)
    elif not difference.bounded and _is_short(old) and _is_short(new):
        texts = (old, new) if _is_plain(old) and _is_plain(new) else (_value(old), _value(new))
        yield f"{where}: {_arrow(*texts, style)}"
    else:
        yield f"{where}: too large to list every change" if difference.bounded else where
        yield from _write_texts(old, new, style)


def _write_one_side(where: str, difference: Difference, style: Style) -> Iterator[str]:
    side: Side = "old" if difference.new is None else "new"
    text = (difference.old if side == "old" else difference.new) or ""
    word = style.paint(*(("removed", "red") if side == "old" else ("added", "green")))
    if _is_short(text):
        yield f"{where}: {word}, {text if _is_plain(text) else _value(text)}"
        return
    yield f"{where}: {word}"
    lines = text.split("\n")
    for line in lines[:MAX_LINES]:
        yield _write_plain(line, side, style)
    yield from _left_out(len(lines) - MAX_LINES, "more lines", style)


def _write_texts(old: str, new: str, style: Style, most: int = MAX_LINES) -> Iterator[str]:
    hidden = 0
    for stretch in align_lines(old, new, CONTEXT):
        if isinstance(stretch, Apart):
            olds, news = _fit(stretch, most)
            yield from _write_apart(olds, news, style)
            shown = len(olds) + len(news)
            most -= shown
            hidden += len(stretch.old) + len(stretch.new) - shown
        elif most:
            yield from (_write_plain(line, "both", style) for line in stretch.head)
            hidden_here = stretch.size - len(stretch.head) - len(stretch.tail)
            yield from _left_out(hidden_here, "equal lines", style)
            yield from (_write_plain(line, "both", style) for line in stretch.tail)
    yield from _left_out(hidden, "more lines differ", style)


def _fit(stretch: Apart, most: int) -> tuple[Sequence[str], Sequence[str]]:
    """At most so many lines, half of them from each side where both have enough."""
    old = stretch.old[: max(most // 2, most - len(stretch.new))]
    return old, stretch.new[: most - len(old)]


def _write_apart(old: Sequence[str], new: Sequence[str], style: Style) -> Iterator[str]:
    if old and new:
        for side, runs in zip(_SIDES, mark_words("\n".join(old), "\n".join(new)), strict=True):
            for line in _split_runs(runs):
                yield _write_line(line, side, style)
        return
    for side, lines in zip(_SIDES, (old, new), strict=True):
        for text in lines:
            yield _write_line([Run(text, own=True)], side, style)


def _split_runs(runs: Iterable[Run]) -> Iterator[list[Run]]:
    line: list[Run] = []
    for run in runs:
        first, *others = run.text.split("\n")
        line.append(Run(first, own=run.own))
        for text in others:
            yield line
            line = [Run(text, own=run.own)]
    yield line


def _write_plain(text: str, side: Side, style: Style) -> str:
    return _write_line([Run(text, own=False)], side, style)


def _write_line(runs: Sequence[Run], side: Side, style: Style) -> str:
    runs = [run for run in runs if run.text]
    size = sum(len(run.text) for run in runs)
    blank = all(run.text.isspace() for run in runs)
    marked = any(run.own for run in runs) and (blank or not all(run.own for run in runs))
    pieces: list[str] = []
    room = MAX_LINE
    for number, run in enumerate(runs):
        text = run.text
        if size > 3 * style.width:
            text = _cut_run(runs, number)
        if room <= 0:
            rest = sum(len(run.text) for run in runs[number:])
            pieces.append(style.paint(f"…{rest:,} more characters", "dim"))
            break
        room -= len(text)
        text = visible(text, keep="\t")
        pieces.append(_paint(text, side, style, mark=marked and run.own))
    sign = _SIGNS[side]
    colored = sign if side == "both" else style.paint(sign, "red" if side == "old" else "green")
    return f"  {colored} {''.join(pieces)}" if pieces else f"  {colored}".rstrip()


def _paint(text: str, side: Side, style: Style, *, mark: bool) -> str:
    if side == "both":
        return style.paint(text, "dim")
    color: Literal["red", "green"] = "red" if side == "old" else "green"
    if not mark:
        return style.paint(text, color)
    if style.color:
        return style.paint(text, color, "reverse")
    return f"[-{text}-]" if side == "old" else f"{{+{text}+}}"


def _cut_run(runs: Sequence[Run], number: int) -> str:
    """A run of a long line: what differs nearly whole, what is equal only beside what differs."""
    text = runs[number].text
    if runs[number].own or len(runs) == 1:
        return _cut(text, 10 * EDGE)
    head = 0 if number == 0 else EDGE
    tail = 0 if number == len(runs) - 1 else EDGE
    return _cut(text, head + tail, head)


def _cut(text: str, most: int, head: int | None = None) -> str:
    """`text` with its middle left out where it is longer than `most`, and told how much that is."""
    head = (most + 1) // 2 if head is None else head
    left_out = len(text) - most
    if left_out <= 24:  # the words about it would be as long
        return text
    return f"{text[:head]}…{left_out:,} characters…{text[len(text) - (most - head) :]}"


def _write_changes(changes: Sequence[Change], style: Style) -> Iterator[str]:
    for change in changes[:MAX_CHANGES]:
        path = _cut(visible_line(change.path), 2 * MAX_VALUE)
        if change.kind == "added":
            yield f"  {style.paint(f'+ {path}: {_value(change.new)}', 'green')}"
        elif change.kind == "removed":
            yield f"  {style.paint(f'- {path}: {_value(change.old)}', 'red')}"
        elif (
            isinstance(change.old, str)
            and isinstance(change.new, str)
            and not (_is_short(change.old) and _is_short(change.new))
        ):
            yield f"  ~ {path}:"
            for line in _write_texts(change.old, change.new, style, MAX_CHANGE_LINES):
                yield f"    {line}"
        else:
            yield f"  ~ {path}: {_arrow(_value(change.old), _value(change.new), style)}"
    yield from _left_out(len(changes) - MAX_CHANGES, "more changes", style)


def _arrow(old: str, new: str, style: Style) -> str:
    return f"{style.paint(visible_line(old), 'red')} → {style.paint(visible_line(new), 'green')}"


def _value(value: Any) -> str:
    return visible_line(_cut(json.dumps(value, ensure_ascii=False), MAX_VALUE))


def _left_out(count: int, what: str, style: Style) -> Iterator[str]:
    if count > 0:
        one = what.replace("lines", "line").replace("changes", "change")
        one = one.replace("differ", "differs")
        yield style.paint(f"  ⋮ {count:,} {one if count == 1 else what}", "dim")


def _is_short(text: str) -> bool:
    return len(text) <= SHORT and "\n" not in text


def _is_plain(text: str) -> bool:
    """Whether a short text can be told from what stands around it without quotes."""
    return bool(text) and text == text.strip() and "→" not in text
