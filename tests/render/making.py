"""Cases without a loader: what a spec's text and some variables stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.errors import SpecErrors
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml
from promptrun.models import Case, Spec
from promptrun.render import render_request

if TYPE_CHECKING:
    from pathlib import Path


def make_case(root: Path, text: str, **settings: Any) -> Case:
    """The case of the spec `text` in ``spec.yaml`` below `root`; `vars` and others as keywords."""
    root = root.resolve()
    source = Source("spec.yaml", text)
    fields = parse_yaml(source)
    origins: dict[str, tuple[str | int, ...]] = {name: (name,) for name in fields}
    for name in fields.pop("parameters", {}):
        fields[name] = parse_yaml(source)["parameters"][name]
        origins[name] = ("parameters", name)
    spec_settings = {key: settings.pop(key) for key in ("cases", "matrix") if key in settings}
    spec = Spec(
        id="spec.yaml",
        path=root / "spec.yaml",
        root=root,
        source=source,
        fields=fields,
        origins=origins,
        vars=settings.pop("spec_vars", {}),
        **spec_settings,
    )
    values = {"vars": spec.vars, "fields": fields, "origins": origins, **settings}
    return Case(spec=spec, name="default", **values)


def one_message(root: Path, template: str, **variables: Any) -> Case:
    """A case whose only message is `template`, whatever characters it has."""
    case = make_case(root, "model: m\nmessages: [{role: user, content: x}]\n", vars=variables)
    messages = [{"role": "user", "content": template}]
    return Case(
        spec=case.spec,
        name=case.name,
        fields={"model": "m", "messages": messages},
        origins=case.origins,
        vars=case.vars,
    )


def render_text(root: Path, template: str, **variables: Any) -> str:
    """What `template` renders to, as the content of a message."""
    text = render_request(one_message(root, template, **variables)).body["messages"][0]["content"]
    assert isinstance(text, str)
    return text


def mistakes(case: Case) -> list[str]:
    """The messages of the errors that rendering `case` ends with; empty where it does not fail."""
    try:
        render_request(case)
    except SpecErrors as errors:
        return [error.message for error in errors.errors]
    return []
