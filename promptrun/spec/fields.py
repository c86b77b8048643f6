"""The request fields of a spec or a case, flat or under `parameters`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.protocol import FIELDS, check_field, check_together, did_you_mean
from promptrun.protocol.checks import json_object
from promptrun.protocol.together import APART

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from promptrun.protocol import Path, Problem
    from promptrun.spec.findings import Findings

Origins = dict[str, tuple[str | int, ...]]

_SETTINGS = (
    "put it under `[providers.NAME]` in `promptrun.toml`: a spec cannot say where a key goes"
)
FOREIGN = {
    **dict.fromkeys(
        (
            *("base_url", "api_base", "url", "endpoint", "host", "proxy", "http_client"),
            *("api_key", "key", "api_key_env", "api_version", "organization", "project"),
            *("headers", "extra_headers", "default_headers", "extra_query", "env", "environment"),
        ),
        _SETTINGS,
    ),
    "timeout": "use `--timeout` or `timeout` in `promptrun.toml`",
    "max_retries": "promptrun retries what can succeed later by itself",
    "prompt": "write it as `messages`",
    "messages_from": "write `messages: [{messages_from: …}]`",
}


_DEFAULTS = frozenset({"model", "parameters", "compare", "expect", "samples"})


def flat(entry: Mapping[str, Any], base: Path) -> Iterator[tuple[str, Any, Path]]:
    """Every key of a spec or a case with its value and path; those of `parameters` in its place."""
    for name, value in entry.items():
        if name == "parameters" and isinstance(value, dict):
            for inner, item in value.items():
                yield inner, item, (*base, "parameters", inner)
        else:
            yield name, value, (*base, name)


def read_fields(
    entry: Mapping[str, Any], base: Path, found: Findings, *, own: Collection[str], case: bool
) -> tuple[dict[str, Any], Origins]:
    """The request fields of a mapping, checked, and where each stands.

    `own` are the keys that are no fields; any other key is unknown. Only a spec has `messages` and
    `extra_body`.
    """
    fields: dict[str, Any] = {}
    origins: Origins = {}
    for name, value, path in flat(entry, base):
        inside = len(path) == len(base) + 2
        if name in own and not inside:
            continue
        if name == "parameters" and not inside:
            if value is not None:
                found.check(json_object, value, path)
        elif name not in FIELDS and (name != "extra_body" or case or inside):
            _note_unknown(name, path, found, own)
        elif name == "messages" and (case or inside):
            hint = "use `vars` to vary them" if case else "put it at the top of the spec"
            found.error(path, "`messages` cannot stand here", hint, key=True)
        elif name in fields:
            found.error(path, f"`{name}` stands twice: here and under `parameters`", key=True)
        else:
            fields[name], origins[name] = value, path
            found.add(_check(name, value, path, found))
    return fields, origins


def _check(name: str, value: Any, path: Path, found: Findings) -> list[Problem]:
    if name != "extra_body":
        return check_field(name, value, path)
    if found.check(json_object, value, path):
        for inner in value.keys() & FIELDS.keys():
            hint = f"write `{inner}` at the top of the spec, where it is checked"
            found.error((*path, inner), f"`{inner}` is no field of a server's own", hint, key=True)
    return []


def _note_unknown(name: str, path: Path, found: Findings, own: Collection[str]) -> None:
    hint = FOREIGN.get(name.lower()) or did_you_mean(name, (*FIELDS, *own, "parameters"))
    if hint is None:
        hint = "a field of a server's own stands under `extra_body`"
    found.error(path, f"unknown key `{name}`", hint, key=True)


def own_fields(entry: Mapping[str, Any], base: Path) -> tuple[dict[str, Any], Origins]:
    """The request fields of a mapping that was checked already, and where each stands."""
    fields: dict[str, Any] = {}
    origins: Origins = {}
    for name, value, path in flat(entry, base):
        if name in FIELDS:
            fields[name], origins[name] = value, path
    return fields, origins


def fill_defaults(fields: dict[str, Any], defaults: Mapping[str, Any], found: Findings) -> None:
    """Put what ``[defaults]`` says of the request into `fields`, where they leave it out.

    A default gives way to a field that cannot stand beside it, such as ``max_completion_tokens``.
    """
    parameters = defaults.get("parameters", {})
    given = {"model": defaults["model"]} if "model" in defaults else {}
    found.defaults = True
    for name in defaults.keys() - _DEFAULTS:
        hint = "it stands under `[defaults.parameters]`" if name in FIELDS else None
        found.error((name,), f"unknown key `{name}`", hint or did_you_mean(name, _DEFAULTS))
    if found.check(json_object, parameters, ("parameters",)):
        given |= parameters
    rivals = {one: other for pair in APART for one, other in (pair[:2], pair[1::-1])}
    stated = set(fields)
    for name, value in given.items():
        if name in stated or rivals.get(name) in stated:
            continue
        if name not in FIELDS or name == "messages":
            _note_unknown(name, (name,), found, ())
        else:
            found.add(check_field(name, value, (name,)))
            fields[name] = value
    found.defaults = False


def in_body_order(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with `model` and `messages` first, the others as they stand."""
    first = {name: fields[name] for name in ("model", "messages") if name in fields}
    return first | dict(fields)


def place_together(fields: Mapping[str, Any], origins: Origins) -> list[Problem]:
    """What `check_together` finds, at the paths of the file.

    A field without an origin is placed at the top; what only ``[defaults]`` and flags made is
    told, too.
    """
    return [
        problem._replace(path=origins.get(str(problem.path[0]), ()))
        for problem in check_together(fields)
    ]
