"""A project's own Python file: loaded once a process, and what it raises told in one line.

Only for a project that is trusted to run code: what is loaded here has all the user's rights.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from promptrun.expect.family import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType, TracebackType

_loaded: dict[Path, ModuleType | str] = {}


def load_module(path: Path) -> ModuleType | str:
    """The module of a file, or why it cannot be loaded: ``checks.py:3: NameError: …``.

    While it loads, the modules beside it can be imported. A file that fails is not tried again.
    """
    if path not in _loaded:
        try:
            _loaded[path] = _load(path)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the user's own code: `sys.exit`, too
            _loaded[path] = told(path, error)
    return _loaded[path]


def told(path: Path, error: BaseException) -> str:
    """An error in one line, with the last line of `path` that it went through.

    ``checks.py:12: KeyError: 'x'``
    """
    place = place_in(path, error)
    where = f"{path.name}:{place[0]}" if place else path.name
    message = message_of(error)
    kind = type(error).__name__
    return f"{where}: {kind}: {shorten(message)}" if message else f"{where}: {kind}"


def message_of(error: BaseException) -> str:
    """The text of an error; empty where it has none, or fails to make one."""
    if isinstance(error, SyntaxError):
        # Its own text would name the place a second time.
        return error.msg or ""
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the text of an error may be the user's code, too
        return ""


def place_in(path: Path, error: BaseException) -> tuple[int, str] | None:
    """The last line of `path` that an error went through, and its text; None where there is none.

    Of a mistake of syntax it is the line that cannot be read.
    """
    from linecache import getline

    line = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    return (line, getline(str(path), line).strip()) if line else None


def _load(path: Path) -> ModuleType:
    from importlib.util import module_from_spec, spec_from_file_location

    from promptrun.files.json import digest

    # A private name: a `json.py` of the project must not stand in for Python's own.
    name = f"_promptrun_check_{digest(str(path))}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"`{path.name}` is no Python file")
    module = module_from_spec(spec)
    # Where Python's own tools look for it: dataclasses, pickle, typing.
    sys.modules[name] = module
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the modules of `folder` be imported.

    They are forgotten afterwards: the `helpers.py` of another folder must not be taken for this
    one. What imported them keeps them.
    """
    entry = str(folder)
    if entry in sys.path:
        yield
        return
    known = set(sys.modules)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)
        new = sys.modules.keys() - known
        beside = {name for name in new if _lies_in(folder, sys.modules[name])}
        for name in new:
            if name.partition(".")[0] in beside:
                sys.modules.pop(name, None)


def _lies_in(folder: Path, module: Any) -> bool:
    """Whether it is a module or a package of `folder`, and none of a folder below."""
    from pathlib import Path

    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    if spec is None or not origin or "." in spec.name:
        return False
    file = Path(origin)
    return (file.parent.parent if file.name == "__init__.py" else file.parent) == folder
