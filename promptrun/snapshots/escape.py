r"""Lone surrogates: JSON text can hold them, YAML cannot, and a reply must come back as it was.

U+10FFFD, the last private character, marks an escape: behind it stand the four hex digits of a
surrogate, or the mark once more for itself. The dumper double-quotes such a text, so a reviewer
reads ``"\U0010FFFDd83d"``.
"""

from __future__ import annotations

from typing import Any

from promptrun.snapshots.plain_text import MARK


def escape_surrogates(text: str) -> str:
    """`text` in characters that YAML can say; the same text where it holds nothing to escape."""
    text = text.replace(MARK, MARK * 2)
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(
            f"{MARK}{ord(char):04x}" if "\ud800" <= char <= "\udfff" else char for char in text
        )
    return text


def has_escapes(document: str) -> bool:
    """Whether a document, as it stands in its file, may hold an escape."""
    return MARK in document or "\\U0010FFFD" in document.upper()


def restore_surrogates(value: Any) -> Any:
    """The JSON value with every escape in its texts and keys turned back."""
    if isinstance(value, str):
        return _restored(value)
    if isinstance(value, dict):
        return {_restored(key): restore_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [restore_surrogates(item) for item in value]
    return value


def _restored(text: str) -> str:
    first, *pieces = text.split(MARK)
    restored = [first]
    behind_mark = False
    for piece in pieces:
        if behind_mark:  # the mark before this piece stood for itself
            restored.append(piece)
            behind_mark = False
        elif not piece:
            restored.append(MARK)
            behind_mark = True
        else:
            restored.append(_surrogate(piece))
    return "".join(restored)


def _surrogate(piece: str) -> str:
    digits = piece[:4]
    if len(digits) == 4 and digits[0] == "d" and set(digits) <= set("0123456789abcdef"):
        code = int(digits, 16)
        if code >= 0xD800:
            return chr(code) + piece[4:]
    return MARK + piece
