"""A case as the exact request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from promptrun.errors import Location, PromptrunError, SpecErrors
from promptrun.models import Request, Warned
from promptrun.protocol import check_field, check_json_mode, check_messages, check_together
from promptrun.render.messages import render_messages
from promptrun.render.rows import number_hint
from promptrun.render.template import Origin, Renderer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.models import Case
    from promptrun.protocol import Problem
    from promptrun.render.messages import Place
    from promptrun.render.template import YamlPath

_EXTRA = "extra_body"
_RANKS = {"model": 0, "messages": 1, _EXTRA: 3}


def render_request(case: Case) -> Request:
    """The JSON body of `case`: what its spec says and nothing else.

    The model and the messages come first, the other fields follow in the spec's order, and those
    of ``extra_body`` end it. Reads the files that the case names, below the spec's root. Raises
    SpecErrors with every mistake of the case.
    """
    rendering = _Rendering(case)
    with rendering.renderer:
        rendering.render()
    rendering.check()
    if rendering.renderer.errors:
        raise SpecErrors(rendering.renderer.errors)
    return Request(body=rendering.body, warnings=tuple(rendering.warnings))


class _Rendering:
    """One request while it is made: its body, and where each part of it was written."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.renderer = Renderer(case)
        self.body: dict[str, Any] = {}
        self.warnings: list[Warned] = []
        self._spec_file = Origin(case.spec.path, case.spec.source)
        self._nowhere = Origin(case.spec.path, None)
        self._messages: list[Place] = []
        self._extra: dict[str, Place] = {}
        self._changed: list[str] = []
        """The fields that loading could not judge, and that rendered without a mistake."""

    def render(self) -> None:
        fields = self.case.fields
        for name in sorted(fields, key=_rank):
            value = fields[name]
            mistakes = len(self.renderer.errors)
            try:
                rendered = self._render_field(name, value)
            except PromptrunError as error:
                self.renderer.add(error)
                continue
            if name == _EXTRA:
                self._lay_extra(rendered)
                continue
            self.body[name] = rendered
            if rendered is not value and len(self.renderer.errors) == mistakes:
                self._changed.append(name)

    def _render_field(self, name: str, value: Any) -> Any:
        origin, path = self._place(name)
        if name != "messages":
            return self.renderer.value(value, origin, path, typed=True)
        messages, self._messages = render_messages(self.renderer, value, origin, path)
        return messages

    def _place(self, name: str) -> Place:
        path = self.case.origins.get(name)
        return (self._nowhere, (name,)) if path is None else (self._spec_file, path)

    def _lay_extra(self, extra: Any) -> None:
        origin, path = self._place(_EXTRA)
        if not isinstance(extra, dict):
            self.renderer.report(f"`{_EXTRA}` is no mapping", origin.at(path))
            return
        for name, value in extra.items():
            if name in self.case.fields:
                self.renderer.report(
                    f"`{name}` stands in `{_EXTRA}` and in the request itself",
                    origin.at((*path, name), key=True),
                    "keep one of them",
                )
            else:
                self.body[name] = value
                self._extra[name] = (origin, (*path, name))

    def check(self) -> None:
        """Hold what was rendered against the protocol."""
        for name in self._changed:
            check = check_messages if name == "messages" else partial(check_field, name)
            self._judge(check(self.body[name], (name,), rendered=True))
        if not self.renderer.errors:
            self._judge(check_together(self.body, rendered=True))
            json_mode = check_json_mode(self.body)
            self._judge([json_mode] if json_mode else [])

    def _judge(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            location = self._locate(problem.path, key=problem.key)
            if not problem.lenient:
                written = self.case.fields
                hint = number_hint(self.case, problem.message, written, self.body, problem.path)
                self.renderer.report(problem.message, location, hint or problem.hint)
            elif not self._is_known(problem.message, location):
                place = location or self._whole()
                warning = Warned(message=problem.message, location=place, hint=problem.hint)
                self.warnings.append(warning)

    def _is_known(self, message: str, location: Location | None) -> bool:
        """Whether loading has warned of it already."""
        return any(
            warned.message == message and location in {None, warned.location}
            for warned in (*self.case.spec.warned, *self.case.warned)
        )

    def _locate(self, path: YamlPath, *, key: bool) -> Location | None:
        if not path:
            return self._whole()
        name, *rest = path
        if (
            name == "messages"
            and rest
            and isinstance(rest[0], int)
            and rest[0] < len(self._messages)
        ):
            origin, base = self._messages[rest[0]]
            return origin.at((*base, *rest[1:]), key=key)
        origin, base = self._extra.get(str(name)) or self._place(str(name))
        return origin.at((*base, *rest), key=key)

    def _whole(self) -> Location:
        return self.case.location


def _rank(name: str) -> int:
    return _RANKS.get(name, 2)
