"""Which names a Python file defines, told by its text: nothing of it is run."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from promptrun.files.tree import FileProblem, read_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES: Final = 1024 * 1024
"""Of a file that is read as Python: its tree takes a hundred times the memory."""

_ANYTHING: Final = frozenset({"*", "__getattr__", "exec", "globals", "locals", "setattr", "vars"})
"""Names by which a file may come to define names that do not stand in it."""


def defined_names(path: Path) -> frozenset[str] | None:
    """The names that the file at `path` may define at its top; None where it may define any.

    A name that is used there counts, too: if it were not defined, the file could not be loaded.
    Raises FileProblem where it cannot be read, or is no Python.
    """
    status = path.stat()
    return _read(path, (status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=64)
def _read(path: Path, _stamp: tuple[int, int]) -> frozenset[str] | None:
    data = read_binary(path)
    if len(data) > MAX_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            # What Python thinks of a file's escapes is told when the file is run.
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except SyntaxError as error:
        place = f" (line {error.lineno})" if error.lineno else ""
        raise FileProblem(f"`{path.name}` is no Python: {error.msg}{place}") from None
    except ValueError as error:
        raise FileProblem(f"`{path.name}` is no Python: {error}") from None
    except (RecursionError, MemoryError):
        return None
    names = frozenset(_names_in(tree))
    return None if names & _ANYTHING else names


def _names_in(tree: ast.Module) -> Iterator[str]:
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            # The names in it are its own, but for those that it declares to be the file's.
            for inner in ast.walk(node):
                yield from inner.names if isinstance(inner, ast.Global) else ()
            continue
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        nodes += ast.iter_child_nodes(node)
