"""Tags of specs as markers, so that ``-m`` selects by them."""

from __future__ import annotations

import keyword
import re

_MEANS_MORE = frozenset({"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"})
"""Markers that change what pytest does: a tag says what a case is about, and no more."""


def marker_name(tag: str) -> str:
    """The marker of a tag: letters, digits and ``_`` stay, anything else becomes ``_``.

    ``tag_`` stands before what would be no name, such as ``2024`` and ``not``, and before a name
    that means something to pytest, such as ``xfail``.
    """
    name = re.sub(r"\W", "_", tag)
    if not name.isidentifier() or name[0] == "_" or keyword.iskeyword(name) or name in _MEANS_MORE:
        return f"tag_{name}"
    return name
