"""Tools, the choice among them, and the format of a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.protocol.checks import (
    boolean,
    items,
    json_object,
    mapping,
    nullable,
    one_of,
    tagged,
    text,
    text_or,
)

if TYPE_CHECKING:
    from promptrun.protocol.problem import Check

NAME = text(pattern="[A-Za-z0-9_-]{1,64}", what="1 to 64 letters, digits, `_` or `-`")

_named = mapping({"name": NAME}, required=["name"])
_type = text()
_function = {"name": NAME, "description": text(), "parameters": json_object}
_grammar = mapping(
    {"definition": text(), "syntax": one_of("lark", "regex")}, required=["definition", "syntax"]
)
_custom = mapping(
    {
        "name": NAME,
        "description": text(),
        "format": tagged(
            {
                "text": mapping({"type": _type}),
                "grammar": mapping({"type": _type, "grammar": _grammar}, required=["grammar"]),
            }
        ),
    },
    required=["name"],
)
_schema = mapping(
    {
        "name": NAME,
        "description": text(),
        "schema": json_object,
        "strict": nullable(boolean),
    },
    required=["name"],
)
_allowed = mapping(
    {"mode": one_of("auto", "required"), "tools": items(json_object)}, required=["mode", "tools"]
)


def typed(**fields: Check) -> Check:
    """A mapping of `type` and one other key, which must be there."""
    return mapping({"type": _type, **fields}, required=fields)


TOOLS = items(
    tagged(
        {
            "function": typed(
                function=mapping({**_function, "strict": nullable(boolean)}, required=["name"])
            ),
            "custom": typed(custom=_custom),
        },
        lenient=True,
    )
)
FUNCTIONS = items(mapping(_function, required=["name"]), fewest=1, most=128)
TOOL_CHOICE = text_or(
    tagged(
        {
            "function": typed(function=_named),
            "custom": typed(custom=_named),
            "allowed_tools": typed(allowed_tools=_allowed),
        },
        lenient=True,
    ),
    one_of("none", "auto", "required"),
)
FUNCTION_CALL = text_or(_named, one_of("none", "auto"))
RESPONSE_FORMAT = tagged(
    {
        "text": mapping({"type": _type}),
        "json_object": mapping({"type": _type}),
        "json_schema": typed(json_schema=_schema),
    },
    lenient=True,
)
