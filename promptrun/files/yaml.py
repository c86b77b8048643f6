"""YAML text → plain values: null, booleans, numbers, text, lists and mappings with text keys.

One pass over the events of libyaml, never its composer: that one recurses in C, and thirty thousand
opening brackets would end the interpreter. Scalars follow the core schema of YAML 1.2, so ``no``,
``on`` and ``2024-05-01`` stay text; so does a number with a leading zero, which is a postal code
more often than an amount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yaml import YAMLError
from yaml.events import DocumentStartEvent

from promptrun.errors import SpecErrors
from promptrun.files.yaml_events import read_events
from promptrun.files.yaml_reader import Reader, StopReading, refuse_tag_directives

if TYPE_CHECKING:
    from promptrun.files.source import Source

MAX_CHARACTERS = 16 * 2**20


def parse_yaml(source: Source) -> Any:
    """The one value that the text holds; None for a text without any.

    Values behind aliases are shared: do not change them. Raises SpecErrors with every mistake that
    can be found, each with its place: what is not YAML, duplicate and non-text keys, tags, a second
    document, unknown aliases, numbers that JSON cannot hold, and a text that is too long, too deep
    or grows too large through its aliases.
    """
    reader = Reader(source)
    value = None
    try:
        value = _read_document(reader, source.text)
    except StopReading:
        pass
    except (YAMLError, UnicodeEncodeError) as error:
        from promptrun.files.yaml_syntax import explain

        reader.errors += explain(error, source)
    if reader.errors:
        raise SpecErrors(reader.errors)
    return value


def _read_document(reader: Reader, text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        reader.stop(0, 1, f"the text is longer than {MAX_CHARACTERS // 2**20} MiB")
    refuse_tag_directives(reader, text)
    reader.next = read_events(text)
    reader.next()
    if reader.next().__class__ is not DocumentStartEvent:
        return None
    value = reader.node(reader.next(), 0)
    reader.end_document()
    return value
