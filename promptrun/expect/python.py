"""``python: checks.py:function``: a rule of the project's own, in Python.

The file lies beside the spec or elsewhere below the project's root, and runs only where the
settings say ``allow_python = true`` and the user has run ``promptrun trust``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct

from promptrun.expect.family import Choice, Evidence, Family, Finding, failed, quote, shorten

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path as FilePath

    from promptrun.protocol import Path, Problem

_T = TypeVar("_T")

_FORM: Final = "write `python: checks.py:function`, the file relative to the spec's folder"


class Context(Struct, frozen=True, kw_only=True, dict=True):
    """What a check may look at beside the text.

    Everything is a copy, made when it is first asked for: a check changes nothing of the run.
    """

    _choice: Choice
    _evidence: Evidence

    @property
    def spec(self) -> str:
        """``specs/json_people.yaml``."""
        return self._evidence.snapshot.spec

    @property
    def case(self) -> str:
        """The case's name."""
        return self._evidence.snapshot.case

    @cached_property
    def json(self) -> Any:
        """The text as JSON; None where it is none."""
        from promptrun.files.json import parse

        try:
            return parse(self._choice.text or "")
        except ValueError:
            return None

    @cached_property
    def choice(self) -> dict[str, Any]:
        """The choice as a snapshot records it, such as its `finish_reason` and `tool_calls`."""
        return _copy(self._choice.recorded)

    @cached_property
    def request(self) -> dict[str, Any]:
        """The body that was sent, secrets masked."""
        return _copy(dict(self._evidence.request))

    @cached_property
    def variables(self) -> dict[str, Any]:
        """Those of the case."""
        return _copy(dict(self._evidence.variables))


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown

    if not isinstance(value, str):
        return [Problem(path, f"`python` takes a text, not {shown(value)}", hint=_FORM)]
    file, _, name = value.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        return [Problem(path, f"{shown(value)} names no function of a Python file", hint=_FORM)]
    return []


def check_function(argument: str, root: FilePath, folder: FilePath) -> None:
    """Raise FileProblem where the file of a check is not there, or has no such function.

    Nothing of the file is run, so nobody has to trust it. `root` and `folder` are resolved.
    """
    from promptrun.expect.python_names import defined_names
    from promptrun.files.tree import FileProblem, resolve_below
    from promptrun.protocol import did_you_mean

    file, _, name = argument.rpartition(":")
    names = defined_names(resolve_below(root, folder, file))
    if names is None or name in names:
        return
    # A stranger's file can define a hundred thousand names, and long ones.
    known = [one for one in sorted(names)[:1000] if len(one) <= 80]
    hint = did_you_mean(name, known) or f"define it there: `def {name}(text): …`"
    raise FileProblem(f"`{file}` has no function `{name}`", hint)


def _test(argument: str, choice: Choice, evidence: Evidence) -> Finding:
    from promptrun.files.tree import FileProblem, resolve_below

    if not evidence.allow_python:
        return failed(
            "this project may not run Python code: it takes `allow_python = true` in its settings, "
            "and `promptrun trust`"
        )
    file, _, name = argument.rpartition(":")
    try:
        path = resolve_below(evidence.root, evidence.folder, file)
    except FileProblem as problem:
        return failed(f"{problem.message}: {problem.hint}" if problem.hint else problem.message)
    context = Context(_choice=choice, _evidence=evidence)
    return _call(path, name, choice.text or "", context)


def _call(path: FilePath, name: str, text: str, context: Context) -> Finding:
    import sys
    from contextlib import redirect_stdout

    from promptrun.expect.python_load import load_module, told

    # stdout is the run's own data.
    with redirect_stdout(sys.stderr):
        module = load_module(path)
        if isinstance(module, str):
            return failed(module)
        function = getattr(module, name, None)
        if not callable(function):
            return failed(f"{quote(path.name)} has no function {quote(name)}")
        try:
            return _finding(path, name, _run(function, text, context))
        except AssertionError as error:
            return Finding(kept=False, found=_broken_assertion(path, error))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - `sys.exit` and `pytest.fail`, too
            return failed(told(path, error))


def _run(function: Callable[..., Any], text: str, context: Context) -> Any:
    """What the function returns, called by its signature with the text, and maybe the context."""
    from inspect import signature

    form = signature(function)
    # A second parameter with a default of its own is not for the context, unless it says so.
    asks = "context" in list(form.parameters)[1:2]
    both, alone = (text, context), (text,)
    for arguments in (both, alone) if asks else (alone, both):
        try:
            form.bind(*arguments)
        except TypeError:
            continue
        return function(*arguments)
    raise TypeError("a check is called with `(text)` or with `(text, context)`")


def _finding(path: FilePath, name: str, result: Any) -> Finding:
    from inspect import iscoroutine

    if result is None or isinstance(result, bool):
        return Finding(kept=result is not False, found=f"{quote(name)} returned {result}")
    if isinstance(result, str):
        return Finding(kept=False, found=shorten(result) or f"{quote(name)} returned an empty text")
    if iscoroutine(result):
        # Of an `async def`: unclosed, Python would warn of it later.
        result.close()
    kind = type(result).__name__
    return failed(
        f"{path.name}: {quote(name)} returned `{kind}`, and not True, False, None or a text"
    )


def _broken_assertion(path: FilePath, error: AssertionError) -> str:
    from promptrun.expect.python_load import message_of, place_in

    message, place = message_of(error), place_in(path, error)
    if message or place is None:
        return shorten(message) or "an assertion does not hold"
    return f"{quote(place[1])} does not hold ({path.name}:{place[0]})"


def _copy(value: _T) -> _T:
    from copy import deepcopy

    return deepcopy(value)


FAMILY = Family(check=_check, test=_test, describe=quote)
