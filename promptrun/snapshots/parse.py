"""The text of a snapshot file → Snapshot, strictly: it may come from anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from promptrun.errors import Location, SnapshotError, SpecErrors
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml
from promptrun.models import Digests, Snapshot
from promptrun.snapshots.escape import has_escapes, restore_surrogates
from promptrun.snapshots.written import read_written

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_T = TypeVar("_T")

FORMAT = 1
"""The format that is written; every format up to it is read."""

MAX_SAMPLES = 1_000
"""Replies of a set; a spec may ask for no more."""

_KEYS = {"promptrun_snapshot", "spec", "case", "digests", "request", "reply"}
_CHOICE: dict[str, type[Any]] = {
    "finish_reason": str,
    "content": str,
    "json": object,
    "refusal": str,
    "tool_calls": object,  # these three are recorded raw where a server sent them odd
    "function_call": object,
    "audio": object,
    "annotations": object,
}
_REPLY = {"model", "system_fingerprint", "choices", "samples", "expectations", "judgements"}
_JUDGEMENT: dict[str, type[Any]] = {"key": str, "score": float, "reason": str}
_KINDS: dict[type[Any], str] = {
    str: "text",
    dict: "a mapping",
    list: "a list",
    int: "a whole number",
    float: "a number",
}
_CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


class BrokenSnapshotError(SnapshotError):
    """The text is no snapshot; one of a newer format is a plain SnapshotError."""


def parse_snapshot(text: str, name: str, *, only_yaml: bool = False) -> Snapshot:
    """Read the text of the file called `name`; with `only_yaml`, without the fast reader.

    Raises BrokenSnapshotError where it is no snapshot: merge markers, no YAML, a key that is
    missing, unknown or of the wrong type. Raises SnapshotError where its format is newer than
    `FORMAT`, whatever else it holds.
    """
    _refuse_conflict(text, name)
    document = None if only_yaml else read_written(text)
    if document is None:
        document = _parse_document(text, name)
    try:
        return _read_document(document, name)
    except BrokenSnapshotError as error:
        error.location = Location(name, 1)
        raise


def _parse_document(text: str, name: str) -> Any:
    try:
        document = parse_yaml(Source(name, text))
    except SpecErrors as several:
        first = several.errors[0]
        raise BrokenSnapshotError(
            f"the snapshot cannot be read: {first.message}",
            location=first.location,
            hint=first.hint,
        ) from first
    return restore_surrogates(document) if has_escapes(text) else document


def _refuse_conflict(text: str, name: str) -> None:
    for marker in _CONFLICT:
        # What a snapshot holds is indented, so a line of its own never begins like this.
        place = 0 if text.startswith(marker) else text.find(f"\n{marker}") + 1
        if place or text.startswith(marker):
            line = text.count("\n", 0, place) + 1
            raise BrokenSnapshotError(
                f"the snapshot holds a merge conflict: `{marker}`",
                location=Location(name, line, 1, text[place:].partition("\n")[0], len(marker)),
                hint="keep one side with `git checkout --ours` or `--theirs`, or delete the file",
            )


def _read_document(document: Any, name: str) -> Snapshot:
    top = _typed(document, dict, "the snapshot")
    _check_version(top.get("promptrun_snapshot"), name)
    _check_keys(top, _KEYS, "the snapshot")
    digests = _typed(top.get("digests"), dict, "`digests`")
    _check_keys(digests, {"prompt", "settings", "model"}, "`digests`")
    request = top.get("request")
    return Snapshot(
        spec=_typed(top.get("spec"), str, "`spec`"),
        case=_typed(top.get("case"), str, "`case`"),
        digests=Digests(
            prompt=_typed(digests.get("prompt"), str, "`digests.prompt`"),
            settings=_typed(digests.get("settings"), str, "`digests.settings`"),
            model=_typed(digests.get("model"), str, "`digests.model`"),
        ),
        request=None if request is None else _typed(request, dict, "`request`"),
        reply=_checked_reply(top.get("reply")),
    )


def _check_version(version: Any, name: str) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BrokenSnapshotError("this is no snapshot: `promptrun_snapshot: 1` is missing")
    if version > FORMAT:
        raise SnapshotError(
            f"`{name}` has the snapshot format {version}; this promptrun reads up to {FORMAT}",
            hint="upgrade promptrun",
        )


def _checked_reply(value: Any) -> dict[str, Any]:
    reply = _typed(value, dict, "`reply`")
    _check_keys(reply, _REPLY, "`reply`")
    for key in ("model", "system_fingerprint"):
        if reply.get(key) is not None:
            _typed(reply[key], str, f"`reply.{key}`")
    if "judgements" in reply:
        _check_judgements(reply["judgements"])
    if "samples" not in reply:
        _check_choices(reply.get("choices"), "`reply.choices`")
        return reply
    _check_set(reply)
    return reply


def _check_set(reply: dict[str, Any]) -> None:
    if "choices" in reply:
        raise BrokenSnapshotError("`reply` has both `choices` and `samples`")
    _check_entries(reply["samples"], {"count": int, "choices": list}, "`reply.samples`")
    if not reply["samples"]:
        raise BrokenSnapshotError("`reply.samples` is empty")
    for place, sample in enumerate(reply["samples"]):
        if sample["count"] < 1:
            raise BrokenSnapshotError(f"`count` of `reply.samples[{place}]` is less than 1")
        _check_choices(sample["choices"], f"`reply.samples[{place}].choices`")
    total = sum(sample["count"] for sample in reply["samples"])
    if total > MAX_SAMPLES:
        raise BrokenSnapshotError(f"`reply.samples` has more than {MAX_SAMPLES:,} replies")
    if "expectations" in reply:
        _check_entries(reply["expectations"], {"rule": str, "kept": int}, "`reply.expectations`")
        for place, one in enumerate(reply["expectations"]):
            if not 0 <= one["kept"] <= total:
                where = f"`reply.expectations[{place}]`"
                raise BrokenSnapshotError(f"`kept` of {where} is no number of its replies")


def _check_judgements(value: Any) -> None:
    _check_entries(value, _JUDGEMENT, "`reply.judgements`")
    for place, one in enumerate(value):
        if not 0 <= one["score"] <= 1:
            where = f"`reply.judgements[{place}]`"
            raise BrokenSnapshotError(f"`score` of {where} is not between 0 and 1")
    if len({one["key"] for one in value}) < len(value):
        raise BrokenSnapshotError("`reply.judgements` has two with one key")


def _check_entries(value: Any, kinds: dict[str, type[Any]], what: str) -> None:
    """A list of mappings that have exactly these keys."""
    for place, item in enumerate(_typed(value, list, what)):
        where = f"{what[:-1]}[{place}]`"
        entry = _typed(item, dict, where)
        _check_keys(entry, kinds.keys(), where)
        for key, kind in kinds.items():
            number = entry.get(key)
            if kind is float and isinstance(number, int) and not isinstance(number, bool):
                continue
            _typed(number, kind, f"`{key}` of {where}")


def _check_choices(value: Any, what: str) -> None:
    for place, item in enumerate(_typed(value, list, what)):
        where = f"{what[:-1]}[{place}]`"
        choice = _typed(item, dict, where)
        _check_keys(choice, _CHOICE.keys(), where)
        for key, kind in _CHOICE.items():
            if choice.get(key) is not None:
                _typed(choice[key], kind, f"`{key}` of {where}")
        if "json" in choice and "content" in choice:
            raise BrokenSnapshotError(f"{where} has both `content` and `json`")


def _typed(value: Any, kind: type[_T], what: str) -> _T:
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    if value is None:
        raise BrokenSnapshotError(f"{what} is missing")
    raise BrokenSnapshotError(f"{what} is not {_KINDS[kind]}")


def _check_keys(mapping: dict[str, Any], known: AbstractSet[str], what: str) -> None:
    for key in mapping:
        if key not in known:
            raise BrokenSnapshotError(f"{what} has an unknown key `{key}`")
