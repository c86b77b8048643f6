"""What must not leave with an example: secrets, what looks like one, and paths of the machine."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import convert, structs, to_builtins

from promptrun.errors import UsageError, UsageErrors
from promptrun.files.source import Source
from promptrun.models import Comparison, Outcome, SetComparison
from promptrun.pipeline.share.finder import PATH, Finder, bytes_of
from promptrun.pipeline.share.patterns import compile_hosts
from promptrun.pipeline.share.texts import map_texts, walk_texts
from promptrun.pipeline.share.values import read_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from promptrun.errors import Location
    from promptrun.models import CaseResult, Failure, Reply
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.share.pack import Packed
    from promptrun.reports.share.shared import SharedFile

_T = TypeVar("_T")

MOST_TOLD: Final = 20
SIGN: Final = "MASKED"
"""What stands for a secret: letters, since three stars would be an alias of YAML."""
HINT: Final = f"take it out, or let `--mask` write `{SIGN}` in its place"


class Guard:
    """Looks through all that is shared; with `mask` it replaces what it finds, else it refuses."""

    def __init__(self, secrets: Sequence[str], plan: Plan, *, mask: bool) -> None:
        self._mask = mask
        self._finder = Finder(secrets, plan)
        self._hosts = compile_hosts(plan)
        self._errors: list[UsageError] = []
        self.masked = 0
        """How many stretches were replaced."""

    def refuse(self) -> None:
        """Raise UsageErrors with the place of everything that was found, if anything was."""
        if self._errors:
            raise UsageErrors(self._errors[:MOST_TOLD])

    def variables(self, values: Mapping[str, Any]) -> None:
        """Look at the variables of the command line; what is made of them is masked elsewhere."""
        for name, value in values.items():
            for _, text in walk_texts(value):
                found = next(self._finder.in_text(text), None)
                if found is not None and not self._mask:
                    self._errors.append(
                        UsageError(f"{found.what} stands in the variable `{name}`", hint=HINT)
                    )

    def files(self, packed: Iterable[Packed]) -> tuple[SharedFile, ...]:
        """The files without secrets."""
        return tuple(self._file(one) for one in packed)

    def _file(self, packed: Packed) -> SharedFile:
        file = packed.file
        self._check_name(file.path)
        what = self._finder.in_bytes(b64decode(file.base64)) if file.base64 is not None else None
        if what is not None:
            self._tell(what, f"the bytes of the file `{file.path}`")
        if file.text is None:
            return file
        found = [] if self._mask else list(self._locate(packed, file.text))
        for what, place in found:
            # The line itself is not shown: it holds the secret.
            location = place._replace(source="")
            self._errors.append(UsageError(f"{what} stands here", location=location, hint=HINT))
        text = self._masked(file.text)
        if not found:
            self._check_values(file.path, file.text)
        if text == file.text:
            return file
        # The digest of what was there could be tried against guesses of the secret.
        data = text.encode()
        return structs.replace(file, text=text, size=len(data), sha256=sha256(data).hexdigest())

    def _locate(self, packed: Packed, text: str) -> Iterator[tuple[str, Location]]:
        """What is found in a file of text, each with its place."""
        for row, place in packed.rows:
            for one in self._finder.in_text(row):
                yield one.what, place
        if not packed.rows:
            source = Source(packed.file.path, text)
            for one in self._finder.in_text(text):
                yield one.what, source.span(one.start, one.end)

    def _check_values(self, path: str, text: str) -> None:
        """Look for what only the escapes of a file's language hide, and stars cannot reach."""
        lettered = self.lettered(text)
        value = read_value(path, lettered)
        if value is None and lettered != text and read_value(path, text) is not None:
            message = f"`{path}` cannot be read with its secrets masked, and may hold more of them"
            self._errors.append(UsageError(message, hint="take the secrets out"))
        self._check(f"the file `{path}`", value)

    def _check(self, where: str, value: Any) -> None:
        """Look at a value in which nothing can be masked."""
        for path, text in walk_texts(value):
            what = self._find_unmaskable(text) or next(
                (one.what for one in self._finder.in_text(text)), None
            )
            if what is not None:
                self._tell(what, where + self._at(path))

    def _find_unmaskable(self, text: str) -> str | None:
        data = bytes_of(text)
        return None if data is None else self._finder.in_bytes(data)

    def _at(self, path: str) -> str:
        # A key may be a secret, too.
        return f", at `{self._derived(path)}`" if path else ""

    def lettered(self, text: str) -> str:
        """The text with letters for its secrets, which stand wherever a word may."""
        return self._replace(text, SIGN)[0] if self._mask else text

    def expected(self, case_id: str, arguments: list[Any]) -> None:
        """Look at what is expected, filled in; where it is masked, `rendered` looks again."""
        if not self._mask:
            self._check(f"what is expected of `{case_id}`", arguments)

    def needs_rendering(self, files: Iterable[Packed], values: Iterable[Any]) -> bool:
        """Whether a secret stands in a file, or in what it was rendered to."""
        texts = [one.file.text for one in files if one.file.text is not None]
        return self._mask and any(
            next(self._finder.in_text(text), None) is not None
            for _, text in walk_texts([texts, list(values)])
        )

    def rendered(self, case_id: str, value: Any) -> None:
        """Look at what masked files give: templates may put a secret together from its parts."""
        self._check(f"what the masked files give for `{case_id}`", value)

    def not_rendered(self, case_id: str, problem: str) -> None:
        """Refuse masked files that give nothing to look at."""
        message = f"the masked files of `{case_id}` cannot be rendered, and may hold more secrets"
        told = f"{message}: {self._derived(problem)}"
        self._errors.append(UsageError(told, hint="take the secrets out"))

    def case(self, spec_id: str, name: str) -> None:
        """Look at the name of a case, which stands in too many places to be masked."""
        for one in self._finder.in_text(name):
            self._tell(one.what, f"the name of a case of `{spec_id}`")

    def _check_name(self, name: str) -> None:
        for one in self._finder.in_text(name):
            self._tell(one.what, f"the name of the file `{name[: one.start]}…`")

    def _tell(self, what: str, where: str) -> None:
        """Of what cannot be masked."""
        self._errors.append(UsageError(f"{what} stands in {where}", hint="take it out"))

    def request(self, case_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body without secrets."""
        clean: dict[str, Any] = self._value(f"the request of `{case_id}`", body)
        return clean

    def result(self, result: CaseResult) -> CaseResult:
        """The result with its replies looked through, and all else of it made clean."""
        where = f"the reply of `{result.id}`"
        before = f"the accepted reply of `{result.id}`"
        return structs.replace(
            result,
            reply=self._reply(where, result.reply) if result.reply else None,
            replies=tuple(self._reply(where, one) for one in result.replies),
            accepted=tuple((self._reply(before, one), count) for one, count in result.accepted),
            comparison=self._clean(result.comparison, Comparison) if result.comparison else None,
            sets=self._clean(result.sets, SetComparison) if result.sets else None,
            outcomes=tuple(self._clean(one, Outcome) for one in result.outcomes),
            reason=self._derived(result.reason) if result.reason else None,
            notes=tuple(map(self._derived, result.notes)),
            warnings=tuple(
                structs.replace(
                    one,
                    message=self._derived(one.message),
                    hint=self._derived(one.hint) if one.hint else None,
                    location=one.location._replace(source=""),
                )
                for one in result.warnings
            ),
            location=result.location._replace(source="") if result.location else None,
            failure=self._failure(result.failure) if result.failure else None,
        )

    def _failure(self, failure: Failure) -> Failure:
        texts = {
            name: self._derived(text)
            for name in ("message", "code", "type", "param", "request_id")
            if (text := getattr(failure, name)) is not None
        }
        return structs.replace(failure, hint=None, limits=None, **texts)

    def _reply(self, where: str, reply: Reply) -> Reply:
        return structs.replace(reply, raw=self._value(where, reply.raw))

    def text(self, where: str, text: str) -> str:
        """One text without secrets."""
        clean: str = self._value(where, text)
        return clean

    def _value(self, where: str, value: Any) -> Any:
        """A JSON value without secrets, in which JSON can be written down."""
        for path, text in walk_texts(value):
            what = self._find_unmaskable(text)
            if what is not None:
                self._tell(what, f"the bytes in {where}{self._at(path)}")
        if not self._mask:
            for path, text in walk_texts(value):
                for one in self._finder.in_text(text):
                    message = f"{one.what} stands in {where}{self._at(path)}"
                    self._errors.append(UsageError(message, hint=HINT))
                    if len(self._errors) >= MOST_TOLD:
                        return value
        return map_texts(value, self._masked)

    def _clean(self, value: _T, kind: type[_T]) -> _T:
        """What is made of requests and replies, which are told themselves."""
        return convert(map_texts(to_builtins(value), self._derived), kind)

    def _derived(self, text: str) -> str:
        """A text of promptrun's own or of a server: it tells no address either."""
        if self._hosts is not None:
            text = self._hosts.sub("…", text)
        for one in reversed(list(self._finder.in_text(text))):
            sign = "…" if one.what == PATH else SIGN
            text = text[: one.start] + sign + text[one.end :]
        return text

    def _masked(self, text: str) -> str:
        if not self._mask:
            return text
        text, count = self._replace(text, SIGN)
        self.masked += count
        return text

    def _replace(self, text: str, sign: str) -> tuple[str, int]:
        """The text with a sign for each of its secrets, and how many those are."""
        found = list(self._finder.in_text(text))
        for one in reversed(found):
            text = text[: one.start] + sign + text[one.end :]
        return text, len(found)
