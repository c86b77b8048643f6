"""A project's files: nothing outside its root, nothing that begins with a dot."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_BINARY_BYTES = 50 * 1024 * 1024
MAX_PROJECT_BYTES = 1024 * 1024
_LOOKED_INTO = 256 * 1024
"""Bytes at the beginning of a file that tell its encoding."""


class FileProblem(ValueError):
    """Why a file that a spec names cannot be had; the caller adds where it was named."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def find_root(folder: Path) -> Path:
    """The nearest folder at or above `folder` that holds a project's mark, else `folder` itself.

    A mark is ``promptrun.toml``, a ``pyproject.toml`` with ``[tool.promptrun]``, or ``.git``.
    """
    folder = folder.resolve()
    for candidate in (folder, *folder.parents):
        if (
            (candidate / "promptrun.toml").is_file()
            or (candidate / ".git").exists()
            or has_tool_table(candidate / "pyproject.toml")
        ):
            return candidate
    return folder


def has_tool_table(pyproject: Path) -> bool:
    """Whether a line of the file opens ``[tool.promptrun]`` or a table in it.

    The file is not parsed: a root is looked for in every folder above a spec, and what stands
    there may be a stranger's, huge or broken.
    """
    try:
        check_regular(pyproject)
        with pyproject.open("rb") as file:
            lines = file.read(MAX_PROJECT_BYTES).split(b"\n")
    except (OSError, FileProblem):
        return False
    return any(
        line.lstrip().startswith((b"[tool.promptrun]", b"[tool.promptrun.")) for line in lines
    )


def resolve_below(root: Path, folder: Path, name: str) -> Path:
    """The file that `name` means in `folder`: a real path at or below `root`, links followed.

    `root` and `folder` are resolved already. Raises FileProblem for an absolute path, one that
    leaves the root, a component that begins with a dot, and a path that names no file.
    """
    if not name:
        raise FileProblem("an empty path names no file")
    if name.startswith(("/", "\\", "~")) or (len(name) > 1 and name[1] == ":"):
        raise FileProblem(
            f"`{name}` is an absolute path", "name the file relative to the file that names it"
        )
    path = _resolve(folder / name, name)
    if not path.is_relative_to(root):
        raise FileProblem(
            f"`{name}` lies outside the project", f"a file must lie below the root, `{root}`"
        )
    written = name.replace("\\", "/").split("/")
    for part in (*written, *path.relative_to(root).parts):
        if part.startswith(".") and part not in {".", ".."}:
            raise FileProblem(
                f"`{name}` is hidden: `{part}` begins with a dot",
                "hidden files such as `.env` and `.git` are never read",
            )
    if not path.exists():
        raise FileProblem(f"no file `{name}`", f"looked for it in `{folder}`")
    if not path.is_file():
        raise FileProblem(f"`{name}` is not a file")
    return path


def _resolve(path: Path, name: str) -> Path:
    """The real path, which need not exist; FileProblem for one that no disk can hold."""
    try:
        # Not `Path.resolve`, which raises RuntimeError for a loop of links up to Python 3.12.
        real = Path(os.path.realpath(path))
        real.exists()
    except OSError as error:
        raise FileProblem(f"`{name[:80]}` names no file: {error.strerror}") from None
    except ValueError:
        raise FileProblem(f"`{name[:80]}` names no file: no path holds such a character") from None
    return real


def links_astray(path: Path, root: Path) -> bool:
    """Whether `path` is a link out of `root`, or to something hidden in it.

    `root` is resolved. Links in the folders above `path` count for nothing.
    """
    written = Path(os.path.realpath(path.parent), path.name)
    real = Path(os.path.realpath(path))
    if real == written:
        return False
    return not real.is_relative_to(root) or any(
        part.startswith(".") for part in real.relative_to(root).parts
    )


def check_regular(path: Path) -> None:
    """Raise FileProblem for a folder, a pipe and a device: opening one may wait for ever.

    OSError where there is nothing.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise FileProblem(f"`{path.name}` is not a file")


def read_binary(path: Path) -> bytes:
    """The bytes of a file that `resolve_below` gave; FileProblem where it is too large."""
    return _read(path, MAX_BINARY_BYTES)


def read_text(path: Path, *, pipe: bool = False) -> str:
    """The text of a UTF-8 file, without a byte order mark and with LF line ends.

    With `pipe` the file may be a pipe, as a shell's ``<(…)`` is one, and is waited for.
    Raises FileProblem where it cannot be read, is no regular file, is too large or is not UTF-8.
    """
    data = _read(path, MAX_TEXT_BYTES, pipe=pipe)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data, error.start) from None
    return text.replace("\r\n", "\n")


def refuse_korean(path: Path) -> None:
    """Raise FileProblem where a file that is read by the line is Korean in CP949.

    Its lines would each be a mistake, and it is one of the whole file. OSError where there is none.
    """
    from codecs import getincrementaldecoder

    with path.open("rb") as file:
        data = file.read(_LOOKED_INTO)
    try:
        # The last character may be cut.
        getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError as error:
        if _is_korean(data):
            raise _not_utf8(path, data, error.start) from None


def _not_utf8(path: Path, data: bytes, start: int) -> FileProblem:
    hint = "save the file as UTF-8"
    if _is_korean(data):
        of_excel = " (in Excel: CSV UTF-8)" if path.suffix.lower() == ".csv" else ""
        hint = f"it looks like CP949 (EUC-KR): save it as UTF-8{of_excel}"
    return FileProblem(f"`{path.name}` is not UTF-8 (byte {start})", hint)


def _is_korean(data: bytes) -> bool:
    """Whether bytes that are not UTF-8 are CP949, which Excel and older editors write in Korea."""
    from codecs import getincrementaldecoder

    try:
        text = getincrementaldecoder("cp949")().decode(data)
    except UnicodeDecodeError:
        return False
    syllables = {sign for sign in text if "가" <= sign <= "힣"}
    # Two bytes for the common ones of EUC-KR; others are also what `Äp` of Latin-1 looks like.
    return any(len(sign.encode("euc_kr")) == 2 for sign in syllables)


def _read(path: Path, limit: int, *, pipe: bool = False) -> bytes:
    try:
        if not (pipe and path.is_fifo()):
            check_regular(path)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise FileProblem(f"cannot read `{path.name}`: {error.strerror}") from None
    if len(data) > limit:
        raise FileProblem(f"`{path.name}` is larger than {limit // 2**20} MiB")
    return data
