"""The messages of a request: turns spliced in, contents read, media loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptrun.errors import PromptrunError
from promptrun.files.tree import FileProblem
from promptrun.protocol import shown
from promptrun.render.disk import display_name, load_yaml
from promptrun.render.template import Origin, has_mark, is_fixed, same_or

if TYPE_CHECKING:
    from promptrun.render.template import Renderer, YamlPath

    Place = tuple[Origin, YamlPath]

_FROM = "messages_from"


def render_messages(
    renderer: Renderer, value: Any, origin: Origin, path: YamlPath
) -> tuple[Any, list[Place]]:
    """The messages as they are sent, and where each of them was written."""
    if not isinstance(value, list):
        return value, []
    messages: list[Any] = []
    places: list[Place] = []
    for index, item in enumerate(value):
        here = (*path, index)
        if isinstance(item, dict) and _FROM in item:
            turns, sources = _splice(renderer, item[_FROM], origin, (*here, _FROM))
            messages += turns
            places += sources
        else:
            messages.append(_render_message(renderer, item, origin, here))
            places.append((origin, here))
    return same_or(messages, value), places


def _render_message(renderer: Renderer, message: Any, origin: Origin, path: YamlPath) -> Any:
    if not isinstance(message, dict):
        return renderer.value(message, origin, path, typed=False)
    rendered = {
        key: value if is_fixed(value) else _render_key(renderer, key, value, origin, (*path, key))
        for key, value in message.items()
    }
    return same_or(rendered, message)


def _render_key(renderer: Renderer, key: str, value: Any, origin: Origin, path: YamlPath) -> Any:
    if key == "content":
        return _render_content(renderer, value, origin, path)
    return renderer.value(value, origin, path, typed=False)


def _render_content(renderer: Renderer, content: Any, origin: Origin, path: YamlPath) -> Any:
    match content:
        case {"file": str(name), **rest} if not rest:
            place = (*path, "file")
            if has_mark(name):
                name = renderer.string(name, origin, place)
            return renderer.file(name, origin, place) if name else ""
        case list():
            # Most conversations are text alone, and then nothing that reads media is loaded.
            from promptrun.render.media import render_part

            parts = [
                render_part(renderer, part, origin, (*path, index))
                for index, part in enumerate(content)
            ]
            return same_or(parts, content)
    return renderer.value(content, origin, path, typed=False)


def _splice(
    renderer: Renderer, written: Any, origin: Origin, path: YamlPath
) -> tuple[list[Any], list[Place]]:
    if isinstance(written, str) and has_mark(written):
        turns = _from_variable(renderer, written, origin, path)
        # They are data: nothing in them is rendered, and no file that they name is opened.
        return turns, [(origin, path)] * len(turns)
    if not isinstance(written, str):
        renderer.report(
            f"`{_FROM}` takes a file or a variable", origin.at(path), 'write `"{{ history }}"`'
        )
        return [], []
    return _from_file(renderer, written, origin, path)


def _from_variable(renderer: Renderer, text: str, origin: Origin, path: YamlPath) -> list[Any]:
    mistakes = len(renderer.errors)
    turns = renderer.string(text, origin, path, typed=True)
    if isinstance(turns, list):
        return turns
    if len(renderer.errors) == mistakes:
        renderer.report(
            f"{shown(text)} gives no list of messages",
            origin.at(path),
            "a variable holds the messages themselves; a file is named without braces",
        )
    return []


def _from_file(
    renderer: Renderer, name: str, origin: Origin, path: YamlPath
) -> tuple[list[Any], list[Place]]:
    location = origin.at(path)
    found = renderer.resolve(name, origin.file.parent, location)
    if found is None:
        return [], []
    try:
        source, turns = load_yaml(found, display_name(renderer.spec, found))
    except FileProblem as problem:
        renderer.report(problem.message, location, problem.hint)
        return [], []
    except PromptrunError as error:
        renderer.add(error)
        return [], []
    there = Origin(found, source)
    if not isinstance(turns, list):
        renderer.report(f"`{name}` holds no list of messages", there.at(()))
        return [], []
    for index, turn in enumerate(turns):
        if isinstance(turn, dict) and _FROM in turn:
            renderer.report(
                f"`{_FROM}` stands in a file of turns",
                there.at((index, _FROM), key=True),
                "splice every file in the spec itself",
            )
            return [], []
    return render_messages(renderer, turns, there, ())
