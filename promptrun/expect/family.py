"""What a family of expectations is, and what it judges by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.models import Outcome, Reply, Snapshot

if TYPE_CHECKING:
    from promptrun.protocol import Path, Problem

    Check = Callable[[Any, Path], list[Problem]]


class Evidence(Struct, frozen=True, kw_only=True):
    """A reply, as far as it is known."""

    snapshot: Snapshot
    reply: Reply | None
    """None in a replay: what only a live reply tells is then not judged."""

    def choices(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The recorded choices by index, each with what it is called: ``choice 1``."""
        for position, choice in enumerate(self.snapshot.reply.get("choices") or (), start=1):
            yield f"choice {position}", choice


class Family(Struct, frozen=True, kw_only=True):
    """One row of the table of expectations."""

    check: Check
    """What is wrong with an argument, when the spec is loaded."""
    judge: Callable[[Any, Evidence], Iterator[Outcome]]
    """An outcome for each choice that breaks it, or one that is kept but `not_judged`; nothing
    where it is kept."""
    describe: Callable[[Any], str]
    """The argument for people: ``stop or length``."""
    always: Any = None
    """The argument that holds where a spec does not state this expectation; None for none."""
