"""What must not leave with an example: secrets, what looks like one, and paths of the machine."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from msgspec import convert, structs, to_builtins

from promptrun.errors import UsageError, UsageErrors
from promptrun.files.source import Source
from promptrun.models import Comparison, Outcome, SetComparison
from promptrun.pipeline.share.bounds import is_data
from promptrun.pipeline.share.texts import map_texts, walk_texts
from promptrun.reports.share.keys import find_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from promptrun.errors import Location
    from promptrun.models import CaseResult, Failure, Reply
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.share.pack import Packed
    from promptrun.reports.share.shared import SharedFile

_T = TypeVar("_T")

MOST_TOLD: Final = 20
SIGN: Final = "***"
HINT: Final = f"take it out, or let `--mask` write `{SIGN}` in its place"
_ADDRESSES: Final = ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT")
_CONFIGURED: Final = "a configured secret"
_PATH: Final = "a path of this machine"


class _Found(NamedTuple):
    what: str
    start: int
    end: int


class Guard:
    """Looks through all that is shared; with `mask` it replaces what it finds, else it refuses."""

    def __init__(self, secrets: Sequence[str], plan: Plan, *, mask: bool) -> None:
        self._mask = mask
        self._secrets = _compile_secrets(secrets)
        self._paths = _compile_paths(plan)
        self._hosts = _compile_hosts(plan)
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
                found = next(self._find(text), None)
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
        if file.base64 is not None and self._secrets and self._secrets.search(file.base64):
            self._tell(_CONFIGURED, f"the file `{file.path}`")
        if file.text is None:
            return file
        if packed.rows:
            for text, location in packed.rows:
                self._tell_all(self._find(text), lambda _, place=location: place)
        else:
            source = Source(file.path, file.text)
            self._tell_all(self._find(file.text), lambda one: source.span(one.start, one.end))
        return structs.replace(file, text=self._masked(file.text))

    def case(self, spec_id: str, name: str) -> None:
        """Look at the name of a case, which stands in too many places to be masked."""
        for one in self._find(name):
            self._tell(one.what, f"the name of a case of `{spec_id}`")

    def _check_name(self, name: str) -> None:
        for one in self._find(name):
            self._tell(one.what, f"the name of the file `{name[: one.start]}…`")

    def _tell_all(self, found: Iterator[_Found], locate: Any) -> None:
        if self._mask:
            return
        for one in found:
            location: Location = locate(one)
            # The line itself is not shown: it holds the secret.
            self._errors.append(
                UsageError(
                    f"{one.what} stands here", location=location._replace(source=""), hint=HINT
                )
            )

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
        if not self._mask:
            for path, text in walk_texts(value):
                for one in self._find(text):
                    at = f", at `{path}`" if path else ""
                    self._errors.append(UsageError(f"{one.what} stands in {where}{at}", hint=HINT))
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
        for one in reversed(list(self._find(text))):
            sign = "…" if one.what == _PATH else SIGN
            text = text[: one.start] + sign + text[one.end :]
        return text

    def _masked(self, text: str) -> str:
        if not self._mask:
            return text
        for one in reversed(list(self._find(text))):
            text = text[: one.start] + SIGN + text[one.end :]
            self.masked += 1
        return text

    def _find(self, text: str) -> Iterator[_Found]:
        """What must not leave, from the left; of what overlaps, the first."""
        found: list[_Found] = []
        for pattern, what in ((self._secrets, _CONFIGURED), (self._paths, _PATH)):
            if pattern is not None:
                found += [_Found(what, *one.span()) for one in pattern.finditer(text)]
        if not is_data(text):
            found += [_Found(f"what looks like {one.what}", *one[1:]) for one in find_keys(text)]
        end = 0
        for one in sorted(found, key=lambda each: (each.start, -each.end)):
            if one.start >= end:
                end = one.end
                yield one


def _compile_secrets(secrets: Sequence[str]) -> re.Pattern[str] | None:
    if not secrets:
        return None
    from promptrun.config.spellings import spellings_of

    forms = {form for secret in secrets for form in spellings_of(secret)}
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))


def _compile_hosts(plan: Plan) -> re.Pattern[str] | None:
    """The servers that the settings and the environment name, as messages of failures have them."""
    from urllib.parse import urlsplit

    hosts: set[str] = set()
    for planned in plan.specs:
        settings = planned.project.settings
        urls = [table.base_url for table in settings.providers.values()]
        urls += [settings.environment.get(name) for name in _ADDRESSES]
        for url in urls:
            with suppress(ValueError):
                host = urlsplit(url or "").hostname
                hosts |= {host} if host else set()
    if not hosts:
        return None
    named = "|".join(map(re.escape, sorted(hosts, key=len, reverse=True)))
    return re.compile(rf"(?:https?://)?(?:{named})(?::\d+)?(?:/[\w./-]*)?", re.IGNORECASE)


def _compile_paths(plan: Plan) -> re.Pattern[str] | None:
    """The folders that name a user or a machine: home, the project, where the command was typed.

    One that is as short as ``/root`` or ``/app`` names nobody, and stands in many texts.
    """
    folders = {plan.options.cwd, *(planned.project.root for planned in plan.specs)}
    with suppress(RuntimeError):  # a user without a home
        folders.add(Path.home())
    telling = {str(one) for one in folders if len(one.parts) > 2}
    if not telling:
        return None
    longest_first = sorted(telling, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")
