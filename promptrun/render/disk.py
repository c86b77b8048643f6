"""The files that a case names: texts, values and bytes, read once while they do not change."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from promptrun.errors import SpecError
from promptrun.files.json import parse
from promptrun.files.source import Source
from promptrun.files.tree import FileProblem, read_binary, read_text, resolve_below
from promptrun.files.yaml import parse_yaml
from promptrun.render.budget import current_budget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from promptrun.models import FileRef, Spec

_MAX_KEPT_BYTES = 1024 * 1024
"""Larger files are read anew for every case, so that the ones kept never add up to much."""
_MAX_KEPT_FILES = 64


def stamp(path: Path) -> tuple[int, int]:
    """What changes when a file does: its time and its size."""
    try:
        status = path.stat()
    except OSError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


def display_name(spec: Spec, path: Path) -> str:
    """The name of a file below the root, in the way in which the spec's own name is shown."""
    below = path.relative_to(spec.root).as_posix()
    before = spec.source.name.removesuffix(spec.id)
    return before + below if before != spec.source.name else below


def kept(read: Callable[..., Any]) -> Callable[..., Any]:
    """`read`, with the small files that it has read already; a file that changed is read anew."""

    @lru_cache(maxsize=_MAX_KEPT_FILES)
    def read_once(path: Path, _stamp: tuple[int, int], *args: str) -> Any:
        return read(path, *args)

    def load(path: Path, *args: str) -> Any:
        now = stamp(path)
        return read_once(path, now, *args) if now[1] <= _MAX_KEPT_BYTES else read(path, *args)

    return load


def _read_yaml(path: Path, name: str) -> tuple[Source, Any]:
    source = Source(name, load_text(path))
    return source, parse_yaml(source)


def _read_json(path: Path, name: str) -> Any:
    try:
        return parse(load_text(path))
    except ValueError as error:
        raise FileProblem(f"`{name}` is not JSON: {error}") from None


load_text: Callable[[Path], str] = kept(read_text)
"""The text of a file below a root; FileProblem where it is none."""
load_binary: Callable[[Path], bytes] = kept(read_binary)
"""The bytes of a file below a root; FileProblem where it is too large."""
load_yaml: Callable[[Path, str], tuple[Source, Any]] = kept(_read_yaml)
"""A file's YAML and its places, under the name that is shown; FileProblem or SpecError."""
_load_json: Callable[[Path, str], Any] = kept(_read_json)


class Lazy:
    """A variable's file: nothing is read before its first use."""

    __slots__ = ("_ref", "_spec", "_value")

    def __init__(self, spec: Spec, ref: FileRef) -> None:
        self._spec = spec
        self._ref = ref

    def get(self) -> Any:
        """Text, or for ``.json``, ``.yaml`` and ``.yml`` its value; raises SpecError."""
        if not hasattr(self, "_value"):
            budget = current_budget()
            budget.pause()
            try:
                self._value = self._read()
            finally:
                budget.resume()
        return self._value

    def _read(self) -> Any:
        ref = self._ref
        try:
            path = resolve_below(self._spec.root, ref.folder, ref.name)
            ending = path.suffix.lower()
            if ending in {".yaml", ".yml"}:
                return load_yaml(path, display_name(self._spec, path))[1]
            return _load_json(path, ref.name) if ending == ".json" else load_text(path)
        except FileProblem as problem:
            raise SpecError(problem.message, location=ref.location, hint=problem.hint) from None
