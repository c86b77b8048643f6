"""Parts of a message that hold an image, a sound or a document: local files become base64."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from promptrun.errors import SpecError
from promptrun.files.tree import FileProblem, resolve_below
from promptrun.models import DataFile, FileRef
from promptrun.protocol import shown
from promptrun.render.disk import kept, load_binary
from promptrun.render.sniff import is_animated, media_type
from promptrun.render.template import has_mark, same_or

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from promptrun.render.template import Origin, Renderer, YamlPath

_NOTHING = object()
_LEAVES = {"image_url": "url", "input_audio": "data", "file": "file_data"}
"""The key of a part that holds a medium, and the key in it that holds its address."""
_TYPES = {
    "image_url": ("image/png", "image/jpeg", "image/webp", "image/gif"),
    "input_audio": ("audio/wav", "audio/mpeg"),
    "file": ("application/pdf",),
}
_SHORT = {"audio/mpeg": "mp3", "audio/wav": "wav"}
_ONE_VARIABLE = re.compile(
    r"\{\{-?\s*(?P<name>[^\W\d]\w*)(?P<steps>(?:\.[^\W\d]\w*|\[\d+\])*)\s*-?\}\}"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


class _Address(NamedTuple):
    text: str
    folder: Path
    """Where a relative path starts."""


class _Medium(NamedTuple):
    type: str
    base64: str


def render_part(renderer: Renderer, part: Any, origin: Origin, path: YamlPath) -> Any:
    """One part of a message's content, with its local file read and its other strings rendered."""
    if not isinstance(part, dict):
        return renderer.value(part, origin, path, typed=False)
    rendered = {
        key: _render_medium(renderer, key, value, origin, (*path, key))
        if key in _LEAVES and isinstance(value, dict)
        else renderer.value(value, origin, (*path, key), typed=False)
        for key, value in part.items()
    }
    return same_or(rendered, part)


def _render_medium(
    renderer: Renderer, kind: str, value: dict[str, Any], origin: Origin, path: YamlPath
) -> dict[str, Any]:
    leaf = _LEAVES[kind]
    result = {
        key: item if key == leaf else renderer.value(item, origin, (*path, key), typed=False)
        for key, item in value.items()
    }
    if not isinstance(value.get(leaf), str):
        return result
    place = (*path, leaf)
    address = _find_address(renderer, value[leaf], origin, place)
    if address is None:
        return result
    result[leaf] = address.text
    if _goes_as_it_is(kind, address.text):
        unchanged: dict[str, Any] = same_or(result, value)
        return unchanged
    medium = _load(renderer, kind, address, origin, place)
    if medium is None:
        return result
    if kind == "input_audio":
        _fill_format(renderer, result, medium, origin, path)
    else:
        result[leaf] = f"data:{medium.type};base64,{medium.base64}"
    if kind == "file" and "file_id" not in result:
        # The API wants a name beside inline data, and the data has lost the one it was given.
        result.setdefault("filename", address.text.replace("\\", "/").rpartition("/")[2])
    return result


def _find_address(renderer: Renderer, text: str, origin: Origin, path: YamlPath) -> _Address | None:
    """The literal text, or the value of the one variable that it is."""
    if not has_mark(text):
        return _Address(text, origin.file.parent)
    match = _ONE_VARIABLE.fullmatch(text)
    if match is None:
        renderer.report(
            f"the address {shown(text)} is composed",
            origin.at(path),
            "write it out, or put the whole of it into one variable: `{{ image }}`; "
            "a composed address could carry text to a stranger's server",
        )
        return None
    name = match["name"]
    ref = renderer.case.vars.get(name)
    if isinstance(ref, FileRef) and not match["steps"]:
        return _Address(ref.name, ref.folder)
    mistakes = len(renderer.errors)
    value = renderer.string(text, origin, path, typed=True)
    if len(renderer.errors) > mistakes:
        return None
    if not isinstance(value, str):
        renderer.report(f"the variable `{name}` holds no address", origin.at(path, word=name))
        return None
    return _Address(value, _folder_of(renderer, name))


def _folder_of(renderer: Renderer, name: str) -> Path:
    """The folder of the file that gave a variable its value, else the spec's own."""
    spec, value = renderer.spec, renderer.case.vars.get(name)
    from_spec = f"vars.{name}" in spec.matrix or spec.vars.get(name, _NOTHING) == value
    if isinstance(value, FileRef):
        ref = value
    elif isinstance(spec.cases, DataFile) and not from_spec:
        ref = spec.cases.ref
    else:
        return spec.path.parent
    try:
        return resolve_below(spec.root, ref.folder, ref.name).parent
    except FileProblem as problem:
        raise SpecError(problem.message, location=ref.location, hint=problem.hint) from None


def _goes_as_it_is(kind: str, text: str) -> bool:
    if text[:8].lower().startswith(("http://", "https://", "data:")):
        return True
    # Sound is sent as bare base64, which has no dot; a file that can be played has one.
    return kind == "input_audio" and "." not in text


def _load(
    renderer: Renderer, kind: str, address: _Address, origin: Origin, path: YamlPath
) -> _Medium | None:
    location = origin.at(path)
    scheme = _SCHEME.match(address.text)
    if scheme:
        renderer.report(
            f"`{scheme[0]}` addresses are not read",
            location,
            "name the file by its relative path, or use `https:` or `data:`",
        )
        return None
    found = renderer.resolve(address.text, address.folder, location)
    if found is None:
        return None
    try:
        return _read_medium(found, kind)
    except FileProblem as problem:
        renderer.report(problem.message, location, problem.hint)
        return None


def _encode(path: Path, kind: str) -> _Medium:
    data = load_binary(path)
    found = media_type(data)
    if found is None or found not in _TYPES[kind]:
        known = ", ".join(one.rpartition("/")[2] for one in _TYPES[kind])
        what = found or ("svg" if b"<svg" in data[:1024] else "of no known type")
        raise FileProblem(f"`{path.name}` is {what}", f"`{kind}` takes {known}, told by the bytes")
    if found == "image/gif" and is_animated(data):
        raise FileProblem(f"`{path.name}` is an animated gif", "the server takes still pictures")
    return _Medium(found, b64encode(data).decode("ascii"))


_read_medium: Callable[[Path, str], _Medium] = kept(_encode)


def _fill_format(
    renderer: Renderer, audio: dict[str, Any], medium: _Medium, origin: Origin, path: YamlPath
) -> None:
    found = _SHORT[medium.type]
    audio["data"] = medium.base64
    if audio.setdefault("format", found) != found:
        renderer.report(
            f"the format is {shown(audio['format'])}, and the file is {found}",
            origin.at((*path, "format")),
            "leave `format` out, and it is taken from the file",
        )
