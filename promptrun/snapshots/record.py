"""Requests and replies in the shape of a snapshot, and back. Pure: no file is touched here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.errors import Location
from promptrun.files.json import canonical, digest
from promptrun.models import Digests, Reply, Snapshot, Timings
from promptrun.protocol import PART
from promptrun.snapshots.calls import (
    recalled_calls,
    recalled_function,
    recorded_calls,
    recorded_function,
)
from promptrun.snapshots.media import without_media
from promptrun.snapshots.parse import BrokenSnapshotError
from promptrun.snapshots.plain import as_text, joined, keep, parse_kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from promptrun.models import CompareRules

_PARTS = ("prompt", "settings", "model")


class KeptRequest(Struct, frozen=True):
    """A request as a snapshot keeps it, and what tells it from every other one."""

    recorded: dict[str, Any]
    digests: Digests


def request_as_kept(body: Mapping[str, Any]) -> KeptRequest:
    """What is kept of a request; `body` is masked before."""
    recorded = record_request(body)
    return KeptRequest(recorded, _digests(recorded))


def make_snapshot(
    spec_id: str,
    case_name: str,
    request: KeptRequest,
    reply: dict[str, Any],
    *,
    keep_request: bool,
) -> Snapshot:
    """The snapshot that accepting a recorded reply or set would write."""
    return Snapshot(
        spec=spec_id,
        case=case_name,
        digests=request.digests,
        request=request.recorded if keep_request else None,
        reply=reply,
    )


def record_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as a snapshot keeps it.

    `model` and `messages` stand first, then the other fields of the prompt, then every setting
    under ``parameters``; both groups are sorted by name, so moving a line of a spec moves nothing
    here. Inline media are replaced by what `media.without_media` says.
    """
    recorded: dict[str, Any] = {"model": keep(body["model"])} if "model" in body else {}
    if "messages" in body:
        recorded["messages"] = _recorded_messages(body["messages"])
    settings: dict[str, Any] = {}
    for name in sorted(body.keys() - {"model", "messages"}):
        group = recorded if PART.get(name) == "prompt" else settings
        group[name] = keep(body[name])
    return recorded | ({"parameters": settings} if settings else {})


def digest_request(body: Mapping[str, Any]) -> Digests:
    """The digests of the three parts of a request; the order of keys does not matter."""
    return _digests(record_request(body))


def check_request(snapshot: Snapshot, name: str) -> None:
    """Raise BrokenSnapshotError where a kept request is not the one that the digests are of.

    The digests alone decide whether a request moved; what a reviewer reads must be what they say.
    """
    if snapshot.request is None:
        return
    try:
        found = _digests(snapshot.request)
    except (TypeError, ValueError, RecursionError):
        raise BrokenSnapshotError("`request` is no JSON", location=Location(name, 1)) from None
    edited = [part for part in _PARTS if getattr(found, part) != getattr(snapshot.digests, part)]
    if edited:
        names = ", ".join(f"`digests.{part}`" for part in edited)
        raise BrokenSnapshotError(
            f"its request was edited: its digests belong to another ({names})",
            location=Location(name, 1),
            hint="restore the file from git, or run the case again and accept its reply",
        )


def _digests(request: dict[str, Any]) -> Digests:
    settings = request.get("parameters", {})
    if not isinstance(settings, dict):  # only a file that was edited
        settings = {"parameters": settings}
    prompt = {name: request[name] for name in request.keys() - {"model", "parameters"}}
    counted = {name: settings[name] for name in settings if PART.get(name) != "neutral"}
    return Digests(
        prompt=digest(prompt),
        settings=digest(counted),
        model=as_text(request.get("model", "")),
    )


def _recorded_messages(messages: Any) -> Any:
    if not isinstance(messages, list):
        return keep(messages)
    return [keep(_recorded_message(message)) for message in messages]


def _recorded_message(message: Any) -> Any:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    return message | {"content": [without_media(part) for part in message["content"]]}


def record_reply(raw: Mapping[str, Any], rules: CompareRules) -> dict[str, Any]:
    """The reply in the snapshot's shape: what was answered, and by which model.

    Ids, timestamps, usage and log probabilities are left out, since they differ between two equal
    replies; so are `reasoning_content` and its kin, the way to an answer and not the answer. It
    takes any reply without an error: what is no JSON, or beyond the bounds, stays text.
    """
    model = raw.get("model")
    fingerprint = raw.get("system_fingerprint")
    recorded: dict[str, Any] = {"model": joined(model) if isinstance(model, str) else None}
    if isinstance(fingerprint, str) and fingerprint:
        recorded["system_fingerprint"] = joined(fingerprint)
    choices = raw.get("choices")
    choices = choices if isinstance(choices, list) else []
    places = sorted(range(len(choices)), key=lambda place: _index(choices[place], place))
    return recorded | {"choices": [_recorded_choice(choices[place], rules) for place in places]}


def content_text(choice: Mapping[str, Any]) -> str | None:
    """The text of a recorded choice that rules about text see, live and in a replay alike.

    For ``json:`` that is the canonical JSON; None where the choice has no content.
    """
    if "json" in choice:
        return canonical(choice["json"])
    content = choice.get("content")
    return content if isinstance(content, str) else None


def recall_reply(snapshot: Snapshot) -> Reply:
    """The accepted reply for a replay, as a ``chat.completion`` without what is not recorded.

    Recording it again by the same rules gives the snapshot's own reply. Ids, usage and the time of
    creation are absent rather than made up; the timings are zero.
    """
    return recall_choices(snapshot.reply, snapshot.reply["choices"])


def recall_choices(recorded: Mapping[str, Any], choices: Sequence[dict[str, Any]]) -> Reply:
    """The same for one of the samples of a set, whose `recorded` part says who answered."""
    raw: dict[str, Any] = {"object": "chat.completion"}
    raw |= {name: recorded[name] for name in ("model", "system_fingerprint") if name in recorded}
    raw["choices"] = [
        {
            "index": index,
            "finish_reason": choice.get("finish_reason"),
            "message": _recalled_message(choice),
        }
        for index, choice in enumerate(choices)
    ]
    return Reply(raw=raw, timings=Timings(total=0.0))


def _index(choice: Any, place: int) -> int:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int) and not isinstance(index, bool) else place


def _recorded_choice(choice: Any, rules: CompareRules) -> dict[str, Any]:
    choice = choice if isinstance(choice, dict) else {}
    reason = choice.get("finish_reason")
    recorded: dict[str, Any] = {"finish_reason": None if reason is None else as_text(reason)}
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    if message.get("content") is not None:
        recorded |= _recorded_content(as_text(message["content"]), rules)
    if message.get("refusal"):
        recorded["refusal"] = as_text(message["refusal"])
    if message.get("tool_calls"):
        recorded["tool_calls"] = recorded_calls(message["tool_calls"])
    if message.get("function_call"):
        recorded["function_call"] = recorded_function(message["function_call"])
    if message.get("audio"):
        recorded["audio"] = _recorded_audio(message["audio"])
    if message.get("annotations"):
        recorded["annotations"] = keep(message["annotations"])
    return recorded


def _recorded_content(text: str, rules: CompareRules) -> dict[str, Any]:
    if rules.mode in {"auto", "json", "shape"}:
        try:
            return {"json": parse_kept(text, structures_only=rules.mode == "auto")}
        except ValueError:
            pass  # not JSON, or past the bounds: the text itself is the answer
    return {"content": text}


def _recorded_audio(audio: Any) -> Any:
    if not isinstance(audio, dict):
        return keep(audio)
    if isinstance(audio.get("transcript"), str):
        return {"transcript": joined(audio["transcript"])}
    return keep({k: value for k, value in audio.items() if k not in {"id", "expires_at"}})


def _recalled_message(choice: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content_text(choice),
        "refusal": choice.get("refusal"),
    }
    if "tool_calls" in choice:
        message["tool_calls"] = recalled_calls(choice["tool_calls"])
    if "function_call" in choice:
        message["function_call"] = recalled_function(choice["function_call"])
    return message | {key: choice[key] for key in ("audio", "annotations") if key in choice}
