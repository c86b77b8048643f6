"""Rows of cells as lines of a terminal: aligned in columns, or wrapped where those do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptrun.reports.width import cut, display_width

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    Row = Sequence[str]

UNKNOWN: Final = "–"
GAP: Final = "  "


def table_width(rows: Sequence[Row], *, last: int | None = None) -> int:
    """The columns that a table takes; of its last column at least `last` of them are needed."""
    widths = _widths(rows)
    if last is not None:
        widths[-1] = min(widths[-1], last)
    return sum(widths) + len(GAP) * (len(widths) - 1)


def write_table(
    rows: Sequence[Row], right: Collection[str], width: int | None = None
) -> Iterator[str]:
    """The lines of a table whose first row has the heads; those in `right` stand to the right.

    None is for a pipe: nothing is cut.
    """
    heads, widths = rows[0], _widths(rows)
    for row in rows:
        cells = (
            _pad(cell, wide, to_the_right=head in right)
            for head, cell, wide in zip(heads, row, widths, strict=True)
        )
        line = GAP.join(cells).rstrip()
        yield line if width is None else cut(line, width)


def wrap_parts(parts: Sequence[str], width: int) -> Iterator[str]:
    """What fits of the parts on each line, with commas between them."""
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if line and display_width(longer) >= width:
            yield f"{line},"
            longer = part
        line = longer
    if line:
        yield cut(line, width)


def _widths(rows: Sequence[Row]) -> list[int]:
    return [max(map(display_width, column)) for column in zip(*rows, strict=True)]


def _pad(cell: str, width: int, *, to_the_right: bool) -> str:
    room = " " * (width - display_width(cell))
    return room + cell if to_the_right else cell + room
