"""Two texts beside each other, and a difference: JSON changes by path, or texts with marks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from promptrun.reports.html.look import MAX_TEXT, show, show_line
from promptrun.reports.words import Apart, Run, align_lines, mark_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from promptrun.models import Change, Difference

CONTEXT: Final = 3
"""Equal lines on each side of what differs."""
MAX_LINES: Final = 600
"""Lines of one difference that are shown; the rest is counted."""
MAX_CHANGES: Final = 200
"""JSON changes of one difference that are shown; the rest is counted."""
MAX_STRETCH: Final = 40_000
"""Characters of one stretch of a difference; of a longer one, beginning and end are shown."""
MAX_VALUE: Final = 300
"""Characters of a JSON value that stands beside its path."""
SHORT: Final = 24
"""Characters of a text that is shown in one line, as ``old → new``."""


def write_difference(difference: Difference) -> Markup:
    """One place that differs."""
    where = Markup('<p class="where"><bdi>{}</bdi>{}</p>')
    if difference.changes:
        head = where.format(show_line(difference.where[:MAX_VALUE]), "")
        body = _write_changes(difference.changes)
    else:
        told = ": too large to list every change" if difference.bounded else ""
        old, new = difference.old, difference.new
        told += ": added" if old is None else ": removed" if new is None else ""
        head = where.format(show_line(difference.where[:MAX_VALUE]), told)
        body = write_texts(old, new)
    return Markup('<div class="difference">{}{}</div>').format(head, body)


def write_texts(
    old: str | None,
    new: str | None,
    *,
    heads: tuple[str, str] | None = None,
    context: int = CONTEXT,
) -> Markup:
    """Two texts beside each other, the words that differ marked; None where there is none.

    `heads` names the two sides. On a narrow screen they stand below each other.
    """
    if old is None or new is None:
        return _write_one_side(old, new)
    if not heads and _is_short(old) and _is_short(new):
        return Markup('<p class="arrow">{}</p>').format(_write_arrow(old, new))
    named = Markup("")
    if heads:
        named = Markup('<div class="heads"><span>{}</span><span>{}</span></div>').format(*heads)
    rows = Markup("").join(_write_stretches(old, new, context))
    return Markup('<div class="diff">{}{}</div>').format(named, rows)


def _write_one_side(old: str | None, new: str | None) -> Markup:
    text = (new if old is None else old) or ""
    side = "new" if old is None else "old"
    lines = text.split("\n", MAX_LINES)
    more = text.count("\n") + 1 - MAX_LINES
    shown = _write_side(side, [Run("\n".join(lines[:MAX_LINES]), own=False)])
    return Markup('<div class="diff inline"><div class="apart">{}</div>{}</div>').format(
        shown, _left_out(more, "more lines")
    )


def _write_stretches(old: str, new: str, context: int) -> Iterator[Markup]:
    room, space, hidden = MAX_LINES, MAX_TEXT, 0
    for stretch in align_lines(old, new, context):
        if isinstance(stretch, Apart):
            room = room if space > 0 else 0
            olds = stretch.old[: max(room // 2, room - len(stretch.new))]
            news = stretch.new[: room - len(olds)]
            if olds or news:
                yield _write_apart(olds, news)
            room -= len(olds) + len(news)
            space -= min(sum(map(len, olds)), MAX_STRETCH) + min(sum(map(len, news)), MAX_STRETCH)
            hidden += len(stretch.old) + len(stretch.new) - len(olds) - len(news)
        elif room and space > 0:
            space -= min(sum(map(len, [*stretch.head, *stretch.tail])), MAX_STRETCH)
            yield _write_same(stretch.head)
            yield _left_out(stretch.size - len(stretch.head) - len(stretch.tail), "equal lines")
            yield _write_same(stretch.tail)
    yield _left_out(hidden, "more lines differ")


def _write_same(lines: Sequence[str]) -> Markup:
    """Equal lines: on both sides for the eye, once for who listens and on a narrow screen."""
    if not lines:
        return Markup("")
    text = show(_cut("\n".join(lines), MAX_STRETCH))
    return Markup(
        '<div class="same"><div class="line" dir="auto">{}</div>'
        '<div class="line again" dir="auto" aria-hidden="true">{}</div></div>'
    ).format(text, text)


def _write_apart(old: Sequence[str], new: Sequence[str]) -> Markup:
    sides = [[Run("\n".join(old), own=False)], [Run("\n".join(new), own=False)]]
    if old and new:
        sides = list(mark_words("\n".join(old), "\n".join(new)))
    pieces = [
        _write_side(side, runs) if lines else Markup('<div class="none"></div>')
        for side, lines, runs in (("old", old, sides[0]), ("new", new, sides[1]))
    ]
    return Markup('<div class="apart">{}{}</div>').format(*pieces)


def _write_side(side: str, runs: Iterable[Run]) -> Markup:
    tag = "del" if side == "old" else "ins"
    pieces = Markup("").join(
        Markup("<mark>{}</mark>").format(show(_cut(run.text, MAX_STRETCH)))
        if run.own
        else show(_cut(run.text, MAX_STRETCH))
        for run in runs
        if run.text
    )
    return Markup('<{} class="line {}" dir="auto">{}</{}>').format(tag, side, pieces, tag)


def _write_changes(changes: Sequence[Change]) -> Markup:
    rows = Markup("").join(
        Markup('<li class="{}"><code class="path"><bdi>{}</bdi></code> {}</li>').format(
            change.kind,
            show_line(_cut(change.path, MAX_VALUE)),
            _write_change(change),
        )
        for change in changes[:MAX_CHANGES]
    )
    more = _left_out(len(changes) - MAX_CHANGES, "more changes")
    return Markup('<ul class="changes">{}</ul>{}').format(rows, more)


def _write_change(change: Change) -> Markup:
    old, new = change.old, change.new
    if change.kind == "added":
        return Markup('<span class="label">added</span> <ins>{}</ins>').format(_value(new))
    if change.kind == "removed":
        return Markup('<span class="label">removed</span> <del>{}</del>').format(_value(old))
    if isinstance(old, str) and isinstance(new, str) and not (_is_short(old) and _is_short(new)):
        return write_texts(old, new)
    return _write_arrow(_value(old), _value(new))


def _write_arrow(old: str | Markup, new: str | Markup) -> Markup:
    told = [one if isinstance(one, Markup) else show_line(one) for one in (old, new)]
    return Markup('<del dir="auto">{}</del> → <ins dir="auto">{}</ins>').format(*told)


def _value(value: Any) -> Markup:
    try:
        return show_line(_cut(json.dumps(value, ensure_ascii=False), MAX_VALUE))
    except RecursionError:
        return Markup("a value that is nested too deeply")


def _is_short(text: str) -> bool:
    return 0 < len(text) <= SHORT and "\n" not in text


def _cut(text: str, most: int) -> str:
    left_out = len(text) - most
    if left_out <= 0:
        return text
    return f"{text[: most // 2]}… {left_out:,} more characters …{text[-(most // 2) :]}"


def _left_out(count: int, what: str) -> Markup:
    if count <= 0:
        return Markup("")
    one = what.replace("lines", "line").replace("changes", "change").replace("differ", "differs")
    return Markup('<p class="gap">⋮ {:,} {}</p>').format(count, one if count == 1 else what)
