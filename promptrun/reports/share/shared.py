"""What is shared of one or several cases: a value that every form projects."""

from __future__ import annotations

from msgspec import Struct

from promptrun.models import CaseResult, Server


class SharedFile(Struct, frozen=True, kw_only=True):
    """One file that repeating the cases takes."""

    path: str
    """Below the folder in which they can be repeated, with ``/``: ``specs/json_people.yaml``."""
    size: int
    """Bytes of what is shared, of the whole file where it is left out; so is `sha256`."""
    sha256: str
    text: str | None = None
    """As it was written; None for what is no text, and for what is too large."""
    base64: str | None = None
    """The bytes of what is no text; None where they are too many."""
    note: str | None = None
    """What a reader has to know of it: that it holds some rows only, or that it is left out."""


class SharedCase(Struct, frozen=True, kw_only=True):
    """One case, with its request and the reply that was chosen."""

    result: CaseResult
    """`request` is the exact one, `reply` the one that is shared."""
    source: str
    """Which reply that is, for people: ``the accepted reply``."""
    server: Server
    """How the commands ask; it holds no address of the user's own, and no key."""
    key_env: str
    """The variable that holds the key in the commands."""
    run: str
    """The command that repeats the case with promptrun, from the folder of the files."""
    notes: tuple[str, ...] = ()


class Shared(Struct, frozen=True, kw_only=True):
    """One or several cases with the files that they take."""

    cases: tuple[SharedCase, ...]
    files: tuple[SharedFile, ...]
    versions: dict[str, str]
    """Of promptrun, openai and python, as far as they are there."""
    masked: int = 0
    """How many texts that look like secrets were replaced by ``MASKED``."""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """``specs/a.yaml::english``, or how many cases there are."""
        if len(self.cases) == 1:
            return self.cases[0].result.id
        return f"{len(self.cases)} cases"
