"""What the browser is given: pages and their pieces. Everything from outside is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

from markupsafe import Markup

from promptrun.pipeline.waiting import as_whole_result
from promptrun.reports.style import visible, visible_line
from promptrun.snapshots.sets import judgements_of
from promptrun.web.choose import CAUSES, KINDS, Filter, causes_of, kinds_of, split_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from promptrun.errors import PromptrunError
    from promptrun.pipeline.history import History
    from promptrun.pipeline.review import Change, Group
    from promptrun.reports.history import PastRun
    from promptrun.web.choose import Item
    from promptrun.web.desk import Desk, Plan

Act = Literal["accept", "reject"]
MOST_ITEMS: Final = 500
"""Changes in the list; the rest is counted."""
MOST_NAMED: Final = 1_000
"""Cases that a plan, or a group, names; the rest is counted. So are judgements."""


def read_style() -> str:
    """The style of all pages, and what a review has in addition."""
    from promptrun.reports.html.page import read_style as read_shared

    return f"{read_shared()}\n{read_file('review.css')}"


@cache
def read_file(name: str) -> str:
    """The text of a file of this package."""
    return files("promptrun.web").joinpath(name).read_text("utf-8")


def write_review(
    desk: Desk, items: Sequence[Item], wanted: Filter, *, secret: str, live: Markup
) -> str:
    """The page that everything happens on, with its first change."""
    return _fill(
        "review.html",
        page="review",
        secret=secret,
        filters=write_filters(desk.specs, wanted),
        list=write_list(desk, items, wanted),
        detail=write_detail(desk, items, items[0].key if items else None, wanted),
        version=desk.version,
        told=desk.told[-1].number if desk.told else 0,
        waiting=desk.waiting,
        live=live,
    )


def write_filters(specs: Sequence[str], wanted: Filter) -> Markup:
    """The fields by which the list is narrowed."""
    options = write_specs(specs, wanted)
    return _fill("filters.html", specs=options, wanted=wanted, kinds=KINDS, causes=CAUSES)


def write_specs(specs: Sequence[str], wanted: Filter) -> Markup:
    """The specs that the list can be narrowed to, the one that it is narrowed to among them."""
    named = sorted({*specs, *([wanted.spec] if wanted.spec else [])})
    return _fill("specs.html", specs=named[:MOST_NAMED], chosen=wanted.spec)


def write_list(desk: Desk, items: Sequence[Item], wanted: Filter) -> Markup:
    """The changes that wait, a button each."""
    return _fill(
        "list.html",
        rows=[_describe_item(item) for item in items[:MOST_ITEMS]],
        more=len(items) - MOST_ITEMS,
        shown=sum(len(item.group.changes) for item in items),
        waiting=desk.waiting,
        acceptable=any(one.refusal is None for item in items for one in item.group.changes),
        filtered=not wanted.empty,
    )


def write_detail(desk: Desk, items: Sequence[Item], key: str | None, wanted: Filter) -> Markup:
    """One change with what may be done with it; without one, why there is none."""
    for place, item in enumerate(items):
        if item.key == key:
            return _write_change(item, place + 1, len(items))
    if desk.problem is not None:
        return _fill("problem.html", problem=describe_problem(desk.problem))
    return _fill("empty.html", counts=desk.counts, filtered=not wanted.empty and desk.waiting > 0)


def write_plan(plan: Plan, act: str) -> Markup:
    """What would be settled at once, name by name, for a dialog."""
    return _fill(
        "plan.html",
        act=act,
        shown=plan.shown,
        changes=[_describe(one) for one in plan.changes[:MOST_NAMED]],
        total=len(plan.changes),
        refused=[_describe(one) for one in plan.refused[:MOST_NAMED]],
        left=len(plan.refused),
        specs=len({one.pending.spec for one in plan.changes}),
        fails=sum(one.fails for one in plan.changes),
        most=MOST_NAMED,
    )


def write_runs(history: History, *, secret: str, waiting: int, live: Markup) -> str:
    """The recorded runs, the newest first."""
    return _fill(
        "runs.html",
        page="runs",
        secret=secret,
        waiting=waiting,
        live=live,
        runs=[_describe_run(one) for one in history.runs],
        more=history.more,
    )


def write_live(run: PastRun | None, under_way: tuple[int, int] | None) -> Markup:
    """One line about the newest run, or about what is settled just now."""
    told = None if run is None else _describe_run(run)
    return _fill("live.html", run=told, under_way=under_way)


def write_refusal(status: int, words: str, hint: str | None = None) -> str:
    """The page for what cannot be answered."""
    return _fill("refusal.html", status=status, words=words, hint=hint)


def describe_problem(problem: PromptrunError) -> dict[str, str | None]:
    """An error for a page."""
    return {
        "message": problem.message,
        "place": str(problem.location) if problem.location else None,
        "source": problem.location.source.strip() if problem.location else None,
        "hint": problem.hint,
    }


def _write_change(item: Item, place: int, total: int) -> Markup:
    # Only a change that is looked at needs the report's own parts.
    from promptrun.reports.html.parts import write_case

    change = item.group.first
    root = change.project.root
    moves = change.pending.moves
    judgements = _list_judgements(item.group)
    return _fill(
        "detail.html",
        item=_describe_item(item),
        place=place,
        total=total,
        file=change.pending.path.relative_to(root).as_posix(),
        moves=moves.relative_to(root).as_posix() if moves else None,
        equal=change.comparison is not None and change.comparison.equal,
        refusal=describe_problem(change.refusal) if change.refusal else None,
        alike=_list_alike(item.group),
        judgements=judgements[:MOST_NAMED],
        more_judgements=len(judgements) - MOST_NAMED,
        case=write_case(as_whole_result(change)),
    )


def _list_alike(group: Group) -> list[str]:
    return [change.id for change in group.changes[1 : MOST_NAMED + 1]]


def _list_judgements(group: Group) -> list[dict[str, Any]]:
    """What the snapshots would keep of judges: of all cases of a group, since it may differ."""
    return [
        {"id": change.id, "score": one["score"], "reason": one["reason"]}
        for change in group.changes
        if change.pending.snapshot is not None
        for one in judgements_of(change.pending.snapshot).values()
    ]


def _describe_item(item: Item) -> dict[str, Any]:
    return _describe(item.group.first) | {
        "key": item.key,
        "shown": item.shown,
        "count": len(item.group.changes),
    }


def _describe(change: Change) -> dict[str, Any]:
    kinds = kinds_of(change)
    spec, case = split_id(change)
    return {
        "id": change.id,
        "spec": spec,
        "case": case,
        "kind": next((one for one in ("failed", "changed", "new", "equal") if one in kinds), ""),
        "causes": causes_of(change),
        "refused": change.refusal is not None,
        "reason": change.refusal.message if change.refusal else None,
        "in_spec": change.pending.spec,
    }


def _describe_run(run: PastRun) -> dict[str, Any]:
    from promptrun.web.figures import (
        write_count,
        write_moment,
        write_money,
        write_seconds,
        write_verdicts,
    )

    return {
        "id": run.id,
        "state": run.state,
        "began": run.began or "",
        "moment": write_moment(run.began),
        "took": write_seconds(run.seconds),
        "verdicts": write_verdicts(run.verdicts),
        "cases": sum(run.verdicts.values()),
        "requests": write_count(run.requests),
        "prompt_tokens": write_count(run.prompt_tokens),
        "completion_tokens": write_count(run.completion_tokens),
        "cost": write_money(run.cost),
        "targets": run.targets,
        "problem": run.problem,
        "reported": run.state != "unreadable",
    }


def _fill(template: str, **values: Any) -> Markup:
    text = _environment().get_template(template).render(values)
    return Markup(text)  # noqa: S704 - the environment escapes whatever it fills in


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("promptrun.web"),
        autoescape=True,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters["line"] = visible_line
    return made


def _show(value: Any) -> Any:
    """What a template puts out: a plain text is made visible, so that no template can forget it."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
