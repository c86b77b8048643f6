"""``json_schema: {…}``: the JSON Schema (draft 2020-12) that the JSON of a reply must fit.

All that a schema says is checked, formats too; what cannot be checked is refused when the spec is
loaded: a keyword that is unknown, a format that is not among those of `schema_rules.FORMATS`, a
``$ref`` to anything outside of the schema, which is never fetched. Patterns are those of
`promptrun/matching/patterns.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.expect.family import Family, Finding, failed
from promptrun.expect.values import judge_json, show_json, write_path

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    hint = "for example `{type: object, required: [people]}`"
    if not isinstance(value, dict):
        return [Problem(path, f"`json_schema` must be a mapping, not {shown(value)}", hint)]
    if not value:
        return [Problem(path, "`json_schema` is empty", "`is_json: true` takes any JSON")]
    from promptrun.expect.schema_check import check_schema

    return check_schema(value, path)


def _test(argument: dict[str, Any], choice: Choice, _evidence: Evidence) -> Finding:
    return judge_json(choice, lambda value: _test_value(argument, value))


def _test_value(schema: dict[str, Any], value: Any) -> Finding:
    from promptrun.expect.schema_rules import GivenUpError, find_violations
    from promptrun.expect.schema_words import explain
    from promptrun.matching.patterns import PatternError

    try:
        violations, counted = find_violations(schema, value)
        if not violations:
            return Finding(kept=True, found="JSON that fits the schema")
        path, reason = explain(violations[0])
    except (GivenUpError, PatternError) as error:
        return failed(str(error))
    except RecursionError:
        return failed("the reply is nested too deeply for the schema")
    others = len(violations) - 1
    more = f" (and {'' if counted else 'at least '}{others:,} more)" if others else ""
    return Finding(kept=False, found=f"{reason}{more}", where=write_path(path))


def _describe(argument: dict[str, Any]) -> str:
    title = argument.get("title")
    return f"JSON that fits {title if isinstance(title, str) else show_json(argument)}"


FAMILY = Family(check=_check, test=_test, describe=_describe)
