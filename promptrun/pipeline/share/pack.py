"""Files of a project as they are shared: whole, as an excerpt of rows, or by name alone."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from promptrun.errors import Location
from promptrun.files.json import digest, pretty
from promptrun.files.tree import FileProblem, read_binary
from promptrun.models import Case, DataFile, Spec
from promptrun.pipeline.share.files import find_files
from promptrun.reports.share.shared import SharedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from promptrun.models import Expectation
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec
    from promptrun.spec.rows import Row

MAX_TEXT_BYTES: Final = 1_000_000
"""Of one file of text; of all, four times."""
MAX_BINARY_BYTES: Final = 5_000_000
"""Of all files that are no text."""
TOO_LARGE: Final = "left out: too large to be shared"
SETTINGS: Final = "promptrun.toml"
_HEAD: Final = "# The folder of this file is the root of the project.\n"


class Packed(Struct, frozen=True, kw_only=True):
    """A file, and where its texts came from."""

    file: SharedFile
    rows: tuple[tuple[str, Location], ...] = ()
    """For an excerpt of a data file: each row, and its place in the whole file."""


class Packer:
    """Gathers the files of several cases of one project, each once."""

    def __init__(self, plan: Plan) -> None:
        self._project = plan.specs[0].project if plan.specs else None
        self._files: dict[Path, None] = {}
        self._rows: dict[Path, tuple[str, Spec, list[Case]]] = {}
        """Data files, each with its name, and the cases that are rows of it."""
        self._text_left = 4 * MAX_TEXT_BYTES
        self._binary_left = MAX_BINARY_BYTES

    def take(self, planned: PlannedSpec, case: Case, rules: Sequence[Expectation]) -> None:
        """Take in what one case reads."""
        self._files |= dict.fromkeys(find_files(planned, case, rules))
        if isinstance(case.spec.cases, DataFile):
            from promptrun.spec.entries import find_data_file

            path, name = find_data_file(case.spec.cases.ref, case.spec.root)
            self._rows.setdefault(path, (name, case.spec, []))[2].append(case)

    def holds(self, path: Path) -> bool:
        """Whether a file is one of those that were taken in."""
        real = path.resolve()
        return real in self._files or real in self._rows

    def pack(self) -> list[Packed]:
        """Everything that was taken in, the settings of the project among it."""
        project = self._project
        if project is None:
            return []
        packed = [self._pack(path, project.root) for path in self._files if path not in self._rows]
        packed += [self._fit(_excerpt(path, *told)) for path, told in self._rows.items()]
        defaults = project.settings.defaults
        if defaults or any("/" in one.file.path for one in packed):
            packed.append(_settings(defaults, project.settings.locate("defaults")))
        return packed

    def _pack(self, path: Path, root: Path) -> Packed:
        name = path.relative_to(root).as_posix()
        try:
            data = read_binary(path)
        except FileProblem as problem:
            lost = SharedFile(path=name, size=0, sha256="", note=f"left out: {problem.message}")
            return Packed(file=lost)
        file = SharedFile(path=name, size=len(data), sha256=sha256(data).hexdigest())
        text = _as_text(data)
        if text is not None:
            return self._fit(Packed(file=structs.replace(file, text=text)))
        if len(data) > self._binary_left:
            return Packed(file=structs.replace(file, note=TOO_LARGE))
        self._binary_left -= len(data)
        return Packed(file=structs.replace(file, base64=b64encode(data).decode()))

    def _fit(self, packed: Packed) -> Packed:
        """The same file of text, or its name alone where there is no room for the text."""
        file = packed.file
        if file.size > min(MAX_TEXT_BYTES, self._text_left):
            return Packed(file=structs.replace(file, text=None, note=TOO_LARGE))
        self._text_left -= file.size
        return packed


def _as_text(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _settings(defaults: dict[str, Any], place: Location | None) -> Packed:
    """What the project's settings fill in; nothing that names a server, a key or a permission."""
    text = _HEAD
    if defaults:
        lines = (f"{_quote(name)} = {_toml(value)}" for name, value in defaults.items())
        text += "\n".join(["[defaults]", *lines, ""])
    data = text.encode()
    file = SharedFile(path=SETTINGS, size=len(data), sha256=sha256(data).hexdigest(), text=text)
    return Packed(file=file, rows=((text, place),) if place else ())


def _toml(value: Any) -> str:
    """A value of a TOML file in one line, as it was read from one."""
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quote(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return repr(value) if isinstance(value, int | float) else str(value)


def _quote(text: str) -> str:
    # TOML knows the escapes of JSON, and wants one more character escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _excerpt(path: Path, name: str, spec: Spec, cases: list[Case]) -> Packed:
    """A data file with the rows of these cases alone: others are nobody's business."""
    rows = list(_find_rows(path, name, spec, cases))
    texts = [json.dumps(row.values, ensure_ascii=False) for row in rows]
    ending = path.suffix.lower()
    if ending == ".csv":
        text = _write_csv(rows)
    elif ending == ".json":
        text = pretty([row.values for row in rows]) + "\n"
    else:
        # Each line is JSON; in YAML, an item of a list that is JSON.
        dash = "" if ending == ".jsonl" else "- "
        text = "".join(f"{dash}{one}\n" for one in texts)
    data = text.encode()
    count = "the row of the case" if len(rows) == 1 else "the rows of the cases"
    file = SharedFile(
        path=name,
        size=len(data),
        sha256=sha256(data).hexdigest(),
        text=text,
        note=f"{count} alone; others are left out",
    )
    places = [row.location for row in rows]
    return Packed(file=file, rows=tuple(zip(texts, places, strict=True)))


def _find_rows(path: Path, name: str, spec: Spec, cases: list[Case]) -> Iterator[Row]:
    from promptrun.spec.matrix import combine
    from promptrun.spec.rows import BadRow, read_rows

    suffixes = [one.suffix for one in combine(spec.matrix)]
    wanted = {(case.name, case.location.line) for case in cases}
    for row in read_rows(path, name):
        if isinstance(row, BadRow):
            continue
        called = _name_of(row.values)
        mine = wanted & {(called + suffix, row.location.line) for suffix in suffixes}
        if mine:
            yield row
            wanted -= mine
            if not wanted:
                return


def _name_of(values: dict[str, Any]) -> str:
    """What a row is called, as the names of cases are made."""
    return next((str(values[key]) for key in ("name", "id") if key in values), digest(values))


def _write_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        writer.writerow(rows[0].values)
    writer.writerows(row.values.values() for row in rows)
    return text.getvalue()
