"""``finish_reason: stop`` or ``[stop, length]``: how every choice must have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.family import Family, Finding

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

FINISHED: Final = ("stop", "tool_calls", "function_call")
"""A whole answer: a text, or calls of tools."""

KNOWN: Final = (*FINISHED, "length", "content_filter")
"""All that the protocol has; other servers may say more."""


CUT: Final = "the limit of tokens cut it off: raise it, or expect `finish_reason: [stop, length]`"


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem

    if value == []:
        return [Problem(path, "`finish_reason` is an empty list", hint=_hint())]
    if not isinstance(value, list):
        return _check_one(value, path)
    return [
        problem for index, one in enumerate(value) for problem in _check_one(one, (*path, index))
    ]


def _check_one(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, did_you_mean, shown

    if not isinstance(value, str):
        message = f"`finish_reason` takes a text or a list of texts, not {shown(value)}"
        return [Problem(path, message, hint=_hint())]
    if value not in KNOWN:
        hint = did_you_mean(value, KNOWN) or _hint()
        return [Problem(path, f"{shown(value)} is no finish reason", hint=hint, lenient=True)]
    return []


def _hint() -> str:
    return f"a finish reason is one of {', '.join(f'`{name}`' for name in KNOWN)}"


def _test(argument: Any, choice: Choice, _evidence: Evidence) -> Finding:
    reason = choice.recorded.get("finish_reason")
    return Finding(kept=reason in _as_list(argument), found=reason or "none: the reply was cut off")


def _describe(argument: Any) -> str:
    return " or ".join(_as_list(argument))


def _as_list(argument: Any) -> list[str]:
    return [argument] if isinstance(argument, str) else list(argument)


FAMILY = Family(check=_check, test=_test, describe=_describe, always=FINISHED)
