"""A project's files: nothing outside its root, nothing that begins with a dot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_BINARY_BYTES = 50 * 1024 * 1024
MAX_PROJECT_BYTES = 1024 * 1024


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
        with pyproject.open("rb") as file:
            lines = file.read(MAX_PROJECT_BYTES).split(b"\n")
    except OSError:
        return False
    return any(
        line.lstrip().startswith((b"[tool.promptrun]", b"[tool.promptrun.")) for line in lines
    )


def resolve_below(root: Path, folder: Path, name: str) -> Path:
    """The file that `name` means in `folder`: a real path at or below `root`, links followed.

    `root` and `folder` are resolved already. Raises FileProblem for an absolute path, one that
    leaves the root, a component that begins with a dot, and a path that names no file.
    """
    if not name or "\0" in name:
        raise FileProblem("an empty path names no file")
    if name.startswith(("/", "\\", "~")) or (len(name) > 1 and name[1] == ":"):
        raise FileProblem(
            f"`{name}` is an absolute path", "name the file relative to the file that names it"
        )
    path = (folder / name).resolve()
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


def read_binary(path: Path) -> bytes:
    """The bytes of a file that `resolve_below` gave; FileProblem where it is too large."""
    return _read(path, MAX_BINARY_BYTES)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark and with LF line ends.

    Raises FileProblem where it cannot be read, is too large or is not UTF-8.
    """
    data = _read(path, MAX_TEXT_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(
            f"`{path.name}` is not UTF-8 (byte {error.start})", "save the file as UTF-8"
        ) from None
    return text.replace("\r\n", "\n")


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise FileProblem(f"cannot read `{path.name}`: {error.strerror}") from None
    if len(data) > limit:
        raise FileProblem(f"`{path.name}` is larger than {limit // 2**20} MiB")
    return data
