"""What was done with changes, in the words that the terminal has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from promptrun.reports.acceptance import write_expectation

if TYPE_CHECKING:
    from promptrun.pipeline.changes import Settled

Word = Literal["accepted", "rejected"]


class Told(Struct, frozen=True, kw_only=True):
    """One line about one change."""

    number: int
    """Counts up from 1, so that a page can ask for what is newer."""
    kind: Literal["accepted", "rejected", "refused"]
    key: str
    """Of the change."""
    id: str
    text: str
    hint: str | None = None


def tell(settled: Settled, word: Word, *, number: int, key: str) -> Told:
    """What became of a change that was to be accepted or rejected."""
    if settled.refused is not None:
        return Told(
            number=number,
            kind="refused",
            key=key,
            id=settled.id,
            text=settled.refused.message,
            hint=settled.refused.hint,
        )
    already = " already" if settled.already else ""
    text = f"{word}{already}: {settled.snapshot}{write_expectation(settled.outcomes)}"
    return Told(number=number, kind=word, key=key, id=settled.id, text=text)
