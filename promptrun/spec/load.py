"""One YAML file → Spec, or every mistake in it at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import normalize

from promptrun.errors import Location, SpecError, SpecErrors
from promptrun.files.source import Source
from promptrun.files.tree import FileProblem, read_text
from promptrun.files.yaml import parse_yaml
from promptrun.models import CompareRules, SampleRules, Spec
from promptrun.protocol.checks import mapping, one_of, text
from promptrun.spec import rules, sections
from promptrun.spec.entries import read_cases
from promptrun.spec.fields import (
    fill_defaults,
    in_body_order,
    own_fields,
    place_together,
    read_fields,
)
from promptrun.spec.findings import Findings
from promptrun.spec.matrix import read_matrix, sets_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from promptrun.models import Expectation
    from promptrun.protocol import Problem
    from promptrun.spec.findings import Rules

_R = TypeVar("_R")

OWN_KEYS = frozenset(
    {
        *("description", "provider", "vars", "cases", "matrix"),
        *("expect", "compare", "samples", "snapshot", "tags"),
    }
)
"""The keys of a spec that are no request fields."""

_snapshot = mapping({"request": one_of("digest", "full")}, required=["request"])
_provider = text(empty=False, pattern=r"[\w.-]+", what="the name of a provider in `promptrun.toml`")


def load_spec(
    path: Path,
    *,
    root: Path,
    defaults: Mapping[str, Any] | None = None,
    known: Rules,
) -> Spec:
    """Read and check the spec at `path`, a real path below `root`.

    `defaults` are the project's ``[defaults]`` and fill what the spec leaves out; `known` is what
    other parts know of the values under `expect:` and `compare:`. Nothing is rendered, and of the
    files that the spec names only the one of its cases is looked into. Raises SpecErrors with every
    mistake, in the order of the file; what only OpenAI refuses is in `Spec.warned`.
    """
    source = _read_source(path, root)
    top = _read_top(source)
    found = Findings(source, known)
    defaults = defaults or {}
    fields, origins = read_fields(top, (), found, own=OWN_KEYS, case=False)
    if "messages" not in fields:
        hint = "a YAML file that is no spec gets a name that begins with `_`"
        found.error((), "`messages` is missing: this is no spec", hint)
    fill_defaults(fields, defaults, found)
    folder = path.parent
    spec = Spec(
        id=source.name,
        path=path,
        root=root,
        source=source,
        fields=in_body_order(fields),
        origins=origins,
        description=_read_text(top, "description", found),
        tags=sections.read_tags(top["tags"], ("tags",), found) if "tags" in top else (),
        provider=_read_provider(top, found),
        vars=sections.read_variables(top.get("vars"), ("vars",), folder, found),
        matrix=read_matrix(top.get("matrix"), folder, found),
        expect=_read_rule("expect", top, defaults, found, partial(_read_expect, folder, root)),
        compare=_read_rule("compare", top, defaults, found, _read_compare),
        samples=_read_rule("samples", top, defaults, found, _read_samples),
        keep_request=_keeps_request(top, found),
    )
    cases = read_cases(top, spec, found)
    _require_model(spec, cases, found)
    _check_together(spec, cases, found)
    found.finish()
    return _with(spec, cases=cases, warned=tuple(found.warned))


def _with(spec: Spec, **changes: Any) -> Spec:
    from msgspec.structs import replace

    return replace(spec, **changes)


def _read_source(path: Path, root: Path) -> Source:
    try:
        name = normalize("NFC", path.relative_to(root).as_posix())
    except ValueError:
        raise _unreadable(str(path), f"`{path}` lies outside the project `{root}`") from None
    if path.is_dir():
        raise _unreadable(name, f"`{path.name}` is a folder, not a spec")
    try:
        return Source(name, read_text(path))
    except FileProblem as problem:
        raise _unreadable(name, problem.message, problem.hint) from None


def _unreadable(name: str, message: str, hint: str | None = None) -> SpecErrors:
    return SpecErrors([SpecError(message, location=Location(name, 1), hint=hint)])


def _read_top(source: Source) -> dict[str, Any]:
    top = parse_yaml(source)
    if isinstance(top, dict):
        return top
    what = "empty" if top is None else "a list" if isinstance(top, list) else "a text or a number"
    message = f"the file is {what}: a spec is a mapping"
    hint = "it begins with `model: …` and `messages: …`; a file that specs share is named `_….yaml`"
    raise SpecErrors([SpecError(message, location=source.span(0, 1), hint=hint)])


def _read_text(top: Mapping[str, Any], name: str, found: Findings) -> str:
    value = top.get(name)
    if value is None or not found.check(text(), value, (name,)):
        return ""
    return str(value)


def _read_provider(top: Mapping[str, Any], found: Findings) -> str | None:
    value = top.get("provider")
    if value is None or not found.check(_provider, value, ("provider",)):
        return None
    return str(value)


def _read_rule(
    name: str,
    top: Mapping[str, Any],
    defaults: Mapping[str, Any],
    found: Findings,
    read: Callable[[Any, Findings, _R | None], _R],
) -> _R:
    """What the spec says under `name`, over what ``[defaults]`` says."""
    rule: _R | None = None
    if name in defaults:
        found.defaults = True
        rule = read(defaults[name], found, None)
        found.defaults = False
    return read(top.get(name), found, rule)


def _read_expect(
    folder: Path, root: Path, value: Any, found: Findings, over: tuple[Expectation, ...] | None
) -> tuple[Expectation, ...]:
    if value is None:
        return over or ()
    return rules.read_expectations(value, ("expect",), root if found.defaults else folder, found)


def _read_compare(value: Any, found: Findings, over: CompareRules | None) -> CompareRules:
    over = over or CompareRules()
    return over if value is None else rules.read_compare(value, ("compare",), found, over)


def _read_samples(value: Any, found: Findings, over: SampleRules | None) -> SampleRules:
    over = over or SampleRules()
    return over if value is None else rules.read_samples(value, ("samples",), found, over)


def _keeps_request(top: Mapping[str, Any], found: Findings) -> bool:
    value = top.get("snapshot")
    if value is None or not found.check(_snapshot, value, ("snapshot",)):
        return True
    return bool(value["request"] != "digest")


def _require_model(spec: Spec, cases: Any, found: Findings) -> None:
    """Note a missing model, unless the matrix or every case names one."""
    if "model" in spec.fields or {"model", "parameters.model"} & spec.matrix.keys():
        return
    if isinstance(cases, tuple) and cases and all(_names_model(case) for case in cases):
        return
    hint = "add `model: …` to the spec, or `model` under `[defaults]` in `promptrun.toml`"
    found.error((), "`model` is missing", hint)


def _check_together(spec: Spec, cases: Any, found: Findings) -> None:
    """Check the rules that join fields, on the fields that each case ends up with.

    Where the matrix sets fields that is known only as the spec is expanded.
    """
    if sets_fields(spec.matrix):
        return
    entries = enumerate(cases) if isinstance(cases, tuple) else [(0, {})]
    own = [own_fields(entry, ("cases", index)) for index, entry in entries]
    sets = [pair for pair in own if pair[0]]
    if len(sets) < len(own):
        sets.append(({}, {}))
    told: set[Problem] = set()
    for fields, origins in sets:
        problems = place_together(spec.fields | fields, spec.origins | origins)
        found.add(problem for problem in problems if problem not in told)
        told.update(problems)


def _names_model(case: Mapping[str, Any]) -> bool:
    parameters = case.get("parameters")
    return "model" in case or (isinstance(parameters, dict) and "model" in parameters)
