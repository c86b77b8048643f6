"""The files that a case takes to be repeated: its spec, and what rendering and judging it reads."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from promptrun.errors import PromptrunError
from promptrun.files.tree import FileProblem, resolve_below
from promptrun.models import BadCase, DataFile, FileRef
from promptrun.pipeline.judges import name_of_judge
from promptrun.pipeline.projects import load_one
from promptrun.render.disk import load_text, load_yaml
from promptrun.render.template import Origin, Renderer, has_mark
from promptrun.spec import expand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from promptrun.models import Case, Expectation
    from promptrun.pipeline.projects import PlannedSpec

MOST: Final = 500
"""Files of one case."""
MAX_PARSED: Final = 256 * 1024
"""Characters of a template that is looked through for others, as rendering bounds them."""
_MEDIA: Final = {"image_url": "url", "input_audio": "data", "file": "file_data"}
_TEMPLATES: Final = ("{%", "{{")


def find_files(planned: PlannedSpec, case: Case, rules: Sequence[Expectation]) -> list[Path]:
    """The files that `case` reads, its spec first, without the data file of its rows.

    They are real paths below the root. What only a running template knows, such as an `include`
    whose name is put together, is not found: whoever needs all of them tries whether they do.
    """
    search = _Search(planned, case)
    with search.renderer:
        search.add(case.spec.path)
        search.fields(case.fields, case.spec.path)
    search.references(list(case.vars.values()))
    search.references([one.argument for one in case.expect])
    for rule in rules:
        search.rule(rule)
    return list(search.found)


class _Search:
    """`found` has the files in the order in which they were met."""

    def __init__(self, planned: PlannedSpec, case: Case) -> None:
        self.planned = planned
        self.case = case
        self.root = case.spec.root
        self.renderer = Renderer(case)
        self.found: dict[Path, None] = {}

    def add(self, path: Path) -> bool:
        """Whether the file is a new one."""
        if path in self.found or len(self.found) >= MOST:
            return False
        self.found[path] = None
        return True

    def named(self, name: str, folder: Path) -> Path | None:
        """The file that a name means in a folder; None where it means none that may be read."""
        with suppress(FileProblem):
            return resolve_below(self.root, folder, name)
        return None

    def references(self, value: Any) -> None:
        """Every ``{file: NAME}`` in a value."""
        for one in _walk(value):
            if isinstance(one, FileRef):
                path = self.named(one.name, one.folder)
                if path is not None:
                    self.add(path)

    def fields(self, fields: dict[str, Any], file: Path) -> None:
        """What the fields of a request name, as they stand in `file`."""
        for name, value in fields.items():
            if name == "messages":
                self.messages(value, file)
            else:
                self.templates(value, file)

    def messages(self, value: Any, file: Path) -> None:
        """Turns of another file, contents in files, media."""
        for message in value if isinstance(value, list) else ():
            self.templates(message, file)
            if not isinstance(message, dict):
                continue
            turns, content = message.get("messages_from"), message.get("content")
            if isinstance(turns, str) and not has_mark(turns):
                self.turns(turns, file)
            if isinstance(content, dict) and isinstance(content.get("file"), str):
                self.content(content["file"], file)
            for part in content if isinstance(content, list) else ():
                self.part(part, file)

    def turns(self, name: str, file: Path) -> None:
        """A file of turns, and what they name."""
        path = self.named(name, file.parent)
        if path is not None and self.add(path):
            with suppress(PromptrunError, FileProblem):
                self.messages(load_yaml(path, name)[1], path)

    def content(self, name: str, file: Path) -> None:
        """A file whose text is a template."""
        if has_mark(name):
            name = self.renderer.string(name, Origin(file, None), ())
        path = self.named(name, file.parent) if name else None
        if path is not None and self.add(path):
            self.template(path)

    def part(self, part: Any, file: Path) -> None:
        """The local file of an image, a sound or a document."""
        for kind, leaf in _MEDIA.items():
            medium = part.get(kind) if isinstance(part, dict) else None
            address = medium.get(leaf) if isinstance(medium, dict) else None
            if not isinstance(address, str):
                continue
            folders = [file.parent]
            if has_mark(address):
                address = self.renderer.string(address, Origin(file, None), (), typed=True)
                folders = self.folders()
            if not isinstance(address, str) or len(address) > 4096:
                continue
            found = (self.named(address, folder) for folder in folders)
            path = next((one for one in found if one is not None), None)
            if path is not None:
                self.add(path)

    def folders(self) -> list[Path]:
        """Where the address in a variable may start: beside the rows, or beside the spec."""
        spec = self.case.spec
        folders = [spec.path.parent]
        if isinstance(spec.cases, DataFile):
            data = self.named(spec.cases.ref.name, spec.cases.ref.folder)
            if data is not None:
                folders.insert(0, data.parent)
        return folders

    def templates(self, value: Any, file: Path) -> None:
        """The files that the strings of a value include."""
        for text in _walk(value):
            if isinstance(text, str):
                self.includes(text, file)

    def template(self, path: Path) -> None:
        """The files that a template includes."""
        with suppress(FileProblem):
            self.includes(load_text(path), path)

    def includes(self, text: str, file: Path) -> None:
        """The files that a text names in `include`, `import` and `extends`."""
        if len(text) > MAX_PARSED or not any(mark in text for mark in _TEMPLATES):
            return
        from jinja2 import Environment, TemplateError
        from jinja2.meta import find_referenced_templates

        # It is parsed and never run, so nothing in it has to be kept from doing harm.
        try:
            tree = Environment(autoescape=True).parse(text)
        except (TemplateError, RecursionError):
            return
        for name in find_referenced_templates(tree):
            path = self.named(name, file.parent) if name else None
            if path is not None and self.add(path):
                self.template(path)

    def rule(self, rule: Expectation) -> None:
        """The file of a check in Python, the spec of a judge."""
        folder = self.case.spec.path.parent
        if rule.kind == "python" and isinstance(rule.argument, str):
            path = self.named(rule.argument.rpartition(":")[0], folder)
            if path is not None:
                self.add(path)
        name = name_of_judge(rule) if rule.kind == "judge" else None
        path = self.named(name, folder) if name else None
        if path is not None and self.add(path):
            with suppress(PromptrunError):
                spec = load_one(path, self.planned.project).spec
                judge = next(expand(spec))
                if not isinstance(judge, BadCase):
                    search = _Search(self.planned, judge)
                    with search.renderer:
                        search.fields(judge.fields, path)
                    search.references(list(judge.vars.values()))
                    self.found |= search.found


def _walk(value: Any) -> Iterator[Any]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)
        else:
            yield item
