"""Keys and configured secrets, kept out of everything that is written, digested or shown."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from promptrun.config.settings import Settings
    from promptrun.models.server import Server

KEY_VARIABLES = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")

SHORTEST = 8
"""Characters; anything shorter stands in ordinary text too often."""


def secrets_of(settings: Settings, servers: Iterable[Server]) -> list[str]:
    """The keys of `servers`, and the values of all variables that may hold a secret.

    Those are the ones that ``secrets = […]`` names and those of every provider that is set up:
    a replay and `show` resolve no server, and have to mask the same texts as a run. A variable that
    is not set is none; what is shorter than `SHORTEST` is left out.
    """
    keys = [server.api_key for server in servers]
    names = [
        *KEY_VARIABLES,
        *(table.key_name for table in settings.providers.values() if table.key_name),
        *settings.project.secrets,
    ]
    values = [settings.environment.get(name) for name in names]
    found = [value.strip() for value in (*keys, *values) if value]
    return [value for value in dict.fromkeys(found) if len(value) >= SHORTEST]


class Masker:
    """Replaces every spelling of some secrets by ``***``.

    Found are the secret as it is, escaped as JSON, percent-encoded, and in Base64 of either
    alphabet, wherever in a longer text it was encoded. Matches are taken from the left, the
    longest first, and no spelling of any secret is left in what comes out.
    """

    __slots__ = ("_first", "_forms", "_longest", "_needles", "_pattern", "_shortest", "_sign")

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = _all_spellings(secrets)
        self._forms = sorted(forms)
        self._first = {form[0] for form in forms}
        # A text that holds a spelling holds every spelling inside that one, too.
        self._needles = [one for one in forms if not any(two in one for two in forms - {one})]
        lengths = [len(form) for form in forms]
        self._shortest, self._longest = min(lengths, default=0), max(lengths, default=0)
        self._sign = 3 * _choose_sign(forms)
        self._pattern: re.Pattern[str] | None = None

    def mask_text(self, text: str) -> str:
        """The text without secrets; the same object where there were none."""
        if not self._occurs_in(text):
            return text
        return self._compiled().sub(self._sign, text)

    def mask(self, value: Any) -> Any:
        """A JSON value without secrets in its strings and keys; the same object if unchanged.

        It may be nested to any depth. Keys that masking makes equal are kept apart.
        """
        if not self._forms or not any(map(self._occurs_in, _strings_in(value))):
            return value
        holder = [value]
        pending: list[tuple[Any, Any]] = [(holder, 0)]
        while pending:
            container, place = pending.pop()
            item = container[place]
            if isinstance(item, str):
                container[place] = self.mask_text(item)
            elif isinstance(item, dict):
                container[place] = copied = self._with_masked_keys(item)
                pending.extend((copied, key) for key in copied)
            elif isinstance(item, list | tuple):
                container[place] = listed = list(item)
                pending.extend((listed, index) for index in range(len(listed)))
        return holder[0]

    def stream(self) -> MaskStream:
        """A masker for a text that arrives in pieces."""
        return MaskStream(self)

    def replace_finished(self, text: str) -> tuple[str, str]:
        """Mask the part of a text that no continuation can change; that part, and the rest.

        The rest begins a spelling of a secret, or is empty.
        """
        found: list[str] = []
        position, open_from = 0, self._find_open(text, 0)
        match = self._compiled().search(text) if self._occurs_in(text) else None
        while match and match.start() < open_from:
            found += (text[position : match.start()], self._sign)
            position = match.end()
            if open_from < position:
                open_from = self._find_open(text, position)
            match = self._compiled().search(text, position)
        found.append(text[position:open_from])
        return "".join(found), text[open_from:]

    def _find_open(self, text: str, start: int) -> int:
        """Where the first spelling begins that only the end of the text cuts off, else its end."""
        for index in range(max(start, len(text) - self._longest + 1), len(text)):
            if text[index] in self._first:
                rest = text[index:]
                # In sorted order the spellings that go on from `rest` follow right behind it.
                place = bisect_right(self._forms, rest)
                if place < len(self._forms) and self._forms[place].startswith(rest):
                    return index
        return len(text)

    def _occurs_in(self, text: str) -> bool:
        # Twenty times as fast as the pattern on a text without secrets: 0.03 ms for 100 KB.
        return len(text) >= self._shortest and any(needle in text for needle in self._needles)

    def _compiled(self) -> re.Pattern[str]:
        if self._pattern is None:
            import re

            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern

    def _with_masked_keys(self, value: dict[Any, Any]) -> dict[Any, Any]:
        masked: dict[Any, Any] = {}
        for key, inner in value.items():
            name = self.mask_text(key) if isinstance(key, str) else key
            while name is not key and (name in masked or name in value):
                name += self._sign[0]
            masked[name] = inner
        return masked


class MaskStream:
    """Masks a text that arrives in pieces: all of it together equals the whole text masked.

    Only what may be the beginning of a secret is held back, until it is known to be none.
    """

    __slots__ = ("_held", "_masker")

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece; what of the text so far can be shown now."""
        shown, self._held = self._masker.replace_finished(self._held + text)
        return shown

    def flush(self) -> str:
        """What was held back when the text ended; the stream may then begin another text."""
        held, self._held = self._held, ""
        return self._masker.mask_text(held)


def _all_spellings(secrets: Iterable[str]) -> set[str]:
    secrets = [secret for secret in secrets if len(secret) >= SHORTEST]
    if not secrets:
        return set()
    # Its imports are paid for only where there is something to mask.
    from promptrun.config.spellings import spellings_of

    return {form for secret in secrets for form in spellings_of(secret)}


def _choose_sign(forms: set[str]) -> str:
    """A character that stands in no spelling, so that masking cannot put one together again."""
    letters = set().union(*forms)
    if "*" not in letters:
        return "*"
    return next(chr(code) for code in range(0x2580, 0x110000) if chr(code) not in letters)


def _strings_in(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)
