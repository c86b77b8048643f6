"""``json: {path: QUERY, …}``: what a JSONPath query (RFC 9535) must select in the JSON of a reply.

``equals: VALUE``: one node or more, and each is that JSON value (``1`` is ``1.0``, the order of
keys is free, `true` is not 1). ``matches: PATTERN``: one node or more, and each is a text that the
pattern matches somewhere. ``exists: true`` or ``false``. ``count: N`` nodes: a list is one node,
and ``$.people[*]`` has a node for each of its items. Several of them must all hold; with none of
them something must be selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.arguments import check_count, check_keys, check_pattern, check_text
from promptrun.expect.family import Family, Finding, failed, quote
from promptrun.expect.values import judge_json, same_json, show_json, write_path
from promptrun.expect.words import composed

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathNode

    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

_KEYS: Final = ("path", "equals", "matches", "exists", "count")
_HINT: Final = 'for example `{path: "$.people[*]", equals: grandfather}`'
_SHOWN: Final = 3
"""Nodes that a finding shows."""

SECONDS: Final = 2.0
"""That a pattern may take for all nodes together."""


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    if not isinstance(value, dict):
        return [Problem(path, f"`json` must be a mapping, not {shown(value)}", _HINT)]
    problems = check_keys(value, path, _KEYS, ("path",), _HINT)
    if "path" in value:
        problems += _check_query(value["path"], (*path, "path"))
    if "matches" in value:
        problems += check_pattern(value["matches"], (*path, "matches"))
    if "count" in value:
        problems += check_count(value["count"], (*path, "count"), "nodes")
    if not isinstance(value.get("exists", True), bool):
        message = f"`exists` must be `true` or `false`, not {shown(value['exists'])}"
        problems.append(Problem((*path, "exists"), message))
    if not problems and _is_contradiction(value):
        message = "`json` says both that something is selected and that nothing is"
        problems.append(Problem(path, message, "leave one of them out"))
    return problems


def _is_contradiction(value: dict[str, Any]) -> bool:
    nothing = value.get("exists") is False or value.get("count") == 0
    something = value.get("exists") is True or value.get("count", 0) > 0
    return nothing and (something or "equals" in value or "matches" in value)


def _check_query(query: Any, path: Path) -> list[Problem]:
    from promptrun.matching.jsonpath import check_jsonpath
    from promptrun.protocol import Problem, shown

    problems = check_text(query, path)
    reason = None if problems else check_jsonpath(query)
    if reason is not None:
        hint = "a query begins with `$`: `$.people[0]`, `$.people[*].name`, `$..id`"
        problems = [Problem(path, f"{shown(query)} is no query that can be used: {reason}", hint)]
    return problems


def _test(argument: dict[str, Any], choice: Choice, _evidence: Evidence) -> Finding:
    return judge_json(choice, lambda value: _test_value(argument, value))


def _test_value(argument: dict[str, Any], value: Any) -> Finding:
    from promptrun.matching.jsonpath import select
    from promptrun.matching.patterns import PatternError

    try:
        nodes = select(argument["path"], value)
        astray = _first_astray(argument, nodes)
    except (ValueError, PatternError) as error:
        return failed(f"{quote(argument['path'])}: {error}")
    kept = astray is None and _fits_number(argument, len(nodes))
    # Where there are too many or too few, no single one is the place.
    place = astray or (nodes[0] if (kept and nodes) or len(nodes) == 1 else None)
    return Finding(
        kept=kept,
        found=_found(nodes, astray),
        where=write_path(place.location) if place else "",
    )


def _first_astray(argument: dict[str, Any], nodes: list[JSONPathNode]) -> JSONPathNode | None:
    """The first node that is not the value, or that the pattern does not match."""
    from time import monotonic

    from promptrun.matching.patterns import PatternError

    deadline = monotonic() + SECONDS
    for node in nodes:
        if "equals" in argument and not same_json(node.value, argument["equals"]):
            return node
        if "matches" in argument and not _matches(argument["matches"], node.value):
            return node
        if monotonic() > deadline:
            raise PatternError(
                f"given up after {SECONDS:g} s, with {len(nodes):,} nodes to look at"
            )
    return None


def _matches(pattern: str, value: Any) -> bool:
    from promptrun.matching import patterns

    if not isinstance(value, str):
        return False
    return patterns.search(composed(pattern), composed(value)) is not None


def _fits_number(argument: dict[str, Any], number: int) -> bool:
    if argument.get("count", number) != number:
        return False
    return argument.get("exists", argument.get("count") != 0) is (number > 0)


def _found(nodes: list[JSONPathNode], astray: JSONPathNode | None) -> str:
    if astray is not None:
        return show_json(astray.value)
    if not nodes:
        return "nothing is selected"
    shown = ", ".join(show_json(node.value) for node in nodes[:_SHOWN])
    more = ", …" if len(nodes) > _SHOWN else ""
    if len(nodes) == 1 and isinstance(nodes[0].value, list):
        return f"1 node, a list: {shown}"
    return shown if len(nodes) == 1 else f"{len(nodes):,} nodes: {shown}{more}"


def _describe(argument: dict[str, Any]) -> str:
    tests = [f"equal to {show_json(argument['equals'])}"] if "equals" in argument else []
    if "matches" in argument:
        tests.append(f"matching {quote(argument['matches'])}")
    if "count" in argument:
        tests.append("1 node" if argument["count"] == 1 else f"{argument['count']:,} nodes")
    if argument.get("exists") is False:
        tests.append("nothing")
    return f"{quote(argument['path'])}: {' and '.join(tests) or 'something'}"


FAMILY = Family(check=_check, test=_test, describe=_describe)
