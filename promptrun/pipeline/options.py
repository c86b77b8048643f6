"""What a run is asked to do, and what that allows it to write."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct

from promptrun.errors import UsageError
from promptrun.models import Overrides

UpdateChoice = Literal["auto", "new", "changed", "all", "none"]
MAX_JOBS = 1000
MAX_SAMPLES = 1000
MAX_TIMEOUT = 86_400
"""Seconds."""


class Options(Struct, frozen=True, kw_only=True):
    """The command line of a run, or the arguments of `promptrun.run`, resolved no further."""

    targets: tuple[str, ...]
    """Files, folders, and ``spec.yaml::case``, relative to `cwd`."""
    cwd: Path
    environ: Mapping[str, str]
    env_file: Path | None = None
    keyword: str | None = None
    """An expression over case ids and tags: ``english and not slow``."""
    overrides: Overrides = Overrides()
    provider: str | None = None
    update: UpdateChoice = "auto"
    replay: bool = False
    changed: bool = False
    """Whether only requests that moved since their snapshots are sent."""
    again: str | None = None
    """A recorded run to be judged by today's rules: ``last``, an id, or its beginning."""
    record: bool = True
    """Whether a run that sends is kept in ``.promptrun/runs/``."""
    reported: bool = False
    """Whether a report is to be made of the record: then a run that sends nothing has one, too."""
    jobs: int | None = None
    timeout: float | None = None
    resume: str | None = None
    """A recorded run to be gone on with: ``last`` (over the same paths), an id, its beginning."""
    max_requests: int | None = None
    """How many requests are sent at most, retries included."""
    max_cost: float | None = None
    """US dollars that the replies may cost."""
    fail_fast: bool = False
    """Whether nothing more is sent after the first case that is not well."""

    @property
    def judges_only(self) -> bool:
        """Whether the run asks for something else than the specs say, or sends nothing."""
        overrides = self.overrides
        asked = overrides.vars or overrides.fields.keys() - {"stream"} or overrides.samples
        return self.replay or bool(asked)


def working_folder() -> Path:
    """The folder in which the command was typed; UsageError where it was deleted meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more", hint="`cd` to one") from None


def check_options(options: Options) -> None:
    """Refuse values that no run can mean; the API gives them unchecked. Raises UsageError."""
    if options.update not in get_args(UpdateChoice):
        raise UsageError(
            f"`update` cannot be `{options.update}`",
            hint=f"choose one of {', '.join(get_args(UpdateChoice))}",
        )
    if options.jobs is not None and not 1 <= options.jobs <= MAX_JOBS:
        raise UsageError(f"`jobs` must be between 1 and {MAX_JOBS}, not `{options.jobs}`")
    _check_types(options)
    if options.timeout is not None and not 0 < options.timeout <= MAX_TIMEOUT:
        raise UsageError(
            f"`timeout` must be a number of seconds up to {MAX_TIMEOUT}, not `{options.timeout}`"
        )
    samples = options.overrides.samples
    if samples is not None and not 1 <= samples <= MAX_SAMPLES:
        raise UsageError(f"`samples` must be between 1 and {MAX_SAMPLES}, not `{samples}`")
    _check_modes(options)
    if options.max_requests is not None and options.max_requests < 1:
        raise UsageError(f"`max_requests` must be at least 1, not `{options.max_requests}`")
    cost = options.max_cost
    if cost is not None and not (cost > 0 and isfinite(cost)):
        raise UsageError(
            f"`--max-cost` must be a number of US dollars, not `{cost}`",
            hint="leave it out for no limit",
        )
    if options.overrides.fields.get("model") == "":
        raise UsageError("`model` must name a model")
    seed = options.overrides.fields.get("seed", 0)
    if not -(2**63) <= seed < 2**63:
        raise UsageError(f"`seed` must fit into 64 bits, and `{seed}` does not")


def _check_types(options: Options) -> None:
    for name in ("resume", "again"):
        value = getattr(options, name)
        if value is not None and not isinstance(value, str):
            raise UsageError(f'`{name}` must be `"last"` or the id of a run, not `{value}`')
    for name in ("timeout", "max_cost", "max_requests"):
        value = getattr(options, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UsageError(f"`{name}` must be a number, not `{value!r}`")


def _check_modes(options: Options) -> None:
    modes = {"--replay": options.replay, "--changed": options.changed, "--again": options.again}
    chosen = [name for name, value in modes.items() if value]
    if len(chosen) > 1:
        raise UsageError(f"`{chosen[0]}` and `{chosen[1]}` exclude each other", hint="choose one")
    if options.resume is not None:
        name = "--resume" if options.resume == "last" else "--run"
        for other in chosen:
            if other != "--changed":
                raise UsageError(f"`{name}` and `{other}` exclude each other", hint="choose one")
        if not options.record:
            raise UsageError(
                f"`{name}` goes on with a record, and `--no-record` keeps none",
                hint="leave one of them out",
            )


class WritePolicy(Struct, frozen=True, kw_only=True):
    """What a run may write below a project's root."""

    new: bool
    """A snapshot where there is none."""
    changed: bool
    """A snapshot in the place of another."""
    unreadable: bool
    """A snapshot in the place of a file that cannot be read."""
    pending: bool
    """A reply that waits to be accepted."""


def choose_policy(options: Options, *, in_ci: bool) -> WritePolicy:
    """``auto`` is `new` for a person and `none` in CI; what judges only writes nothing.

    A recorded run may be somebody else's: ``auto`` lets its replies wait.
    """
    if options.judges_only:
        return WritePolicy(new=False, changed=False, unreadable=False, pending=False)
    choice = options.update
    if choice == "auto":
        choice = "none" if in_ci or options.again else "new"
    return WritePolicy(
        new=choice in {"new", "all"},
        changed=choice in {"changed", "all"},
        unreadable=choice == "all",
        pending=True,
    )
