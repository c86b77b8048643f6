"""The small file beside a pending snapshot: which request it answers, and what it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import category

from msgspec import UNSET, DecodeError, Struct, UnsetType, json

from promptrun.files.tree import FileProblem
from promptrun.models import Digests

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.snapshots.disk import Disk

NOTE: Final = ".json"
"""What a note's name has behind that of its snapshot."""
MAX_NOTE_BYTES: Final = 64 * 1024
MAX_MOVES: Final = 1_000
"""Characters of the path in a note."""


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a note says."""

    promptrun_pending: int = 1
    run: str
    digests: Digests
    replaces: str | None
    text: str
    """The digest of the pending file itself: the two were written together."""
    moves: str | UnsetType = UNSET
    """The snapshot of a case that is gone, by its path below the root; most notes have none."""
    moves_text: str | UnsetType = UNSET
    """The digest of its text."""


def note_of(file: Path) -> Path:
    """The note of a pending snapshot."""
    return file.with_name(f"{file.name}{NOTE}")


def encode_note(note: Note) -> bytes:
    """The text of a note's file."""
    return json.format(json.encode(note)) + b"\n"


def read_note(file: Path, disk: Disk) -> Note:
    """The note of the pending snapshot `file`; FileProblem where it is none, or not there."""
    data = disk.read(note_of(file), most=MAX_NOTE_BYTES)
    if data is None:
        raise FileProblem("the note beside it is missing")
    try:
        note = json.decode(data, type=Note)
    except (DecodeError, UnicodeDecodeError):
        raise FileProblem("the note beside it cannot be read") from None
    if note.promptrun_pending != 1:
        raise FileProblem(f"its format is {note.promptrun_pending}; this promptrun reads 1")
    if isinstance(note.moves, str) and not _is_path(note.moves):
        raise FileProblem("the note beside it names no path that it could move")
    return note


def _is_path(text: str) -> bool:
    return len(text) <= MAX_MOVES and not any(category(letter) == "Cc" for letter in text)
