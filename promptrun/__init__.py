"""Run prompts that are written down in YAML, and see what changed since the accepted reply.

The Python API, on one page::

    import openai, promptrun

    prompt = promptrun.load("specs/json_people.yaml")
    reply = openai.OpenAI().chat.completions.create(**prompt.request(story="옛날 옛적에 …"))

    for result in promptrun.run(["specs/"], provider="local"):
        print(result.id, result.verdict)

Importing promptrun loads none of its parts, and neither function imports openai before something
is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from promptrun.models import CaseResult
    from promptrun.models import Spec as _Loaded
    from promptrun.pipeline.options import UpdateChoice

__version__ = "0.1.0"
__all__ = ["PromptrunError", "Spec", "load", "run"]


def __getattr__(name: str) -> Any:
    if name == "PromptrunError":
        from promptrun.errors import PromptrunError

        return PromptrunError
    raise AttributeError(f"module 'promptrun' has no attribute {name!r}")


class Spec:
    """A loaded spec, or one case of it: the very prompt that is tested, for use in a program."""

    def __init__(self, loaded: _Loaded, case: str | None) -> None:
        self._loaded = loaded
        self._case = case

    def __repr__(self) -> str:
        return f"<promptrun.Spec {self.id}>"

    @property
    def id(self) -> str:
        """The path below the project's root, with the case where one was named."""
        return f"{self._loaded.id}::{self._case}" if self._case else self._loaded.id

    def request(self, **variables: Any) -> dict[str, Any]:
        """Keyword arguments for ``client.chat.completions.create``, as a run would send them.

        `variables` lie over those of the spec (and of the case, where one was named), and keep
        their types. Raises SpecErrors where a variable is missing or a value cannot be sent.
        """
        from promptrun.pipeline.api import render_arguments

        return render_arguments(self._loaded, self._case, variables)


def load(path: str | PathLike[str]) -> Spec:
    """Read one spec: ``specs/x.yaml``, or one case of it as ``specs/x.yaml::english``.

    The project's ``[defaults]`` count, as in a run. Raises SpecErrors with every mistake of the
    file, and UsageError where there is no such file or case.
    """
    from promptrun.pipeline.api import load_prompt

    return Spec(*load_prompt(str(path)))


def run(  # noqa: PLR0913 - each is an option of the command line, by its name
    targets: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    provider: str | None = None,
    keyword: str | None = None,
    variables: Mapping[str, Any] | None = None,
    model: str | None = None,
    seed: int | None = None,
    update: UpdateChoice = "auto",
    replay: bool = False,
    changed: bool = False,
    again: str | None = None,
    samples: int | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    resume: str | None = None,
    max_requests: int | None = None,
    max_cost: float | None = None,
    fail_fast: bool = False,
    record: bool = True,
    env_file: Path | None = None,
) -> list[CaseResult]:
    """Run specs as the command line does, and give the result of each case as it ended.

    Writes what `update` allows, prints nothing. A case that fails is a result among the others;
    raises SpecErrors, UsageError, TrustError or RecordError where nothing could be sent at all, and
    StoppedError, with the results so far, where a limit or a failure that is final ended the run.
    `resume` is ``last`` or the id of a recorded run. Works inside a running event loop too (a
    notebook): the run then has a thread of its own, and blocks.
    """
    from os import PathLike, fspath

    from promptrun.pipeline.api import collect_results

    # A text is a sequence of texts, too, and means one target.
    several = [targets] if isinstance(targets, str | PathLike) else targets
    fields = {"model": model, "seed": seed}
    return collect_results(
        tuple(fspath(target) for target in several),
        provider=provider,
        keyword=keyword,
        variables=variables or {},
        fields={name: value for name, value in fields.items() if value is not None},
        update=update,
        replay=replay,
        changed=changed,
        again=again,
        samples=samples,
        jobs=jobs,
        timeout=timeout,
        resume=resume,
        max_requests=max_requests,
        max_cost=max_cost,
        fail_fast=fail_fast,
        record=record,
        env_file=env_file,
    )
