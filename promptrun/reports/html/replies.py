"""The reply of a case beside the accepted one, or the replies of a set by how often they came."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Final

from msgspec import structs

from promptrun.files.json import pretty
from promptrun.reports.html.difference import write_texts
from promptrun.reports.html.json_tree import parse_container
from promptrun.reports.html.look import fill
from promptrun.reports.html.reply import write_plain, write_reply
from promptrun.reports.replies import replies_of
from promptrun.reports.sets import count_replies
from promptrun.reports.text import write_heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from promptrun.models import CaseResult, Choice, Reply

MAX_GROUPS: Final = 30
"""Distinct replies of a set that are shown; the rest is counted."""
CONTEXT: Final = 400
"""Equal lines around what differs: a reply is shown whole where it is not long."""


def write_replies(result: CaseResult) -> tuple[Markup | None, bool]:
    """What came back, and whether it stands beside the accepted reply; None where nothing came."""
    if result.replies or len(result.accepted) > 1:
        return _write_sets(result), False
    if result.reply is None:
        return None, False
    if not result.accepted:
        return write_reply(result.reply), False
    [(accepted, _)] = result.accepted
    texts = (_write_for_comparing(accepted), _write_for_comparing(result.reply))
    if texts[0] == texts[1]:  # the same JSON, spelled or ended in another way
        texts = (_write_choices(accepted), _write_choices(result.reply))
    diff = write_texts(*texts, heads=("accepted", "now"), context=CONTEXT)
    return fill(
        "beside.html", diff=diff, now=write_reply(result.reply), accepted=write_reply(accepted)
    ), True


def _write_choices(reply: Reply) -> str:
    """The text of a reply as it came, with how each choice ended."""
    return "\n".join(
        f"[{one.finish_reason or 'no reason'}]\n{write_plain(one)}" for one in reply.choices
    )


def _write_for_comparing(reply: Reply) -> str:
    """The text of a reply, JSON in one order and a line a value."""
    choices = reply.choices
    texts = [_write_choice(choice) for choice in choices]
    if len(choices) > 1:
        texts = [
            f"{write_heading(choice)}\n{text}" for choice, text in zip(choices, texts, strict=True)
        ]
    return "\n".join(texts)


def _write_choice(choice: Choice) -> str:
    value = parse_container(choice.content or "")
    if value is None:
        return write_plain(choice)
    rest = structs.replace(choice, message=choice.message | {"content": None})
    return "\n".join(text for text in (pretty(_sort(value)), write_plain(rest)) if text)


def _sort(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sort(value[name]) for name in sorted(value)}
    return [_sort(one) for one in value] if isinstance(value, list) else value


def _write_sets(result: CaseResult) -> Markup:
    came = replies_of(result)
    groups = count_replies(came, [_write_choices(one) for one in came])
    return fill(
        "sets.html",
        sides=[
            side
            for side in (_describe_side("accepted", result.accepted), _describe_side("now", groups))
            if side["total"]
        ],
    )


def _describe_side(name: str, groups: Sequence[tuple[Reply, int]]) -> dict[str, object]:
    total = sum(count for _, count in groups)
    return {
        "name": name,
        "total": total,
        "distinct": len(groups),
        "groups": list(starmap(_describe_group, groups[:MAX_GROUPS])),
        "more": len(groups) - MAX_GROUPS,
    }


def _describe_group(reply: Reply, count: int) -> tuple[int, Markup]:
    return count, write_reply(reply)
