"""What a record says of its run from the beginning on: over what, how, and by which programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

import promptrun
from promptrun.files.git import read_commit
from promptrun.pipeline.resume import selection
from promptrun.pipeline.versions import openai_version
from promptrun.runs import RunMeta

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.pipeline.plan import Plan


def describe_plan(plan: Plan, root: Path) -> RunMeta:
    """What the record of the project at `root` says of a run; secrets are masked."""
    options, mask = plan.options, plan.masker.mask
    return RunMeta(
        targets=tuple(mask(list(options.targets))),
        providers=tuple(name for place, name in plan.servers if place == root),
        # A variable of the Python API may be anything that a template can show.
        overrides=mask(to_builtins(options.overrides, enc_hook=str)),
        update=options.update,
        samples=options.overrides.samples,
        promptrun=promptrun.__version__,
        openai=openai_version(),
        python=sys.version.split()[0],
        commit=read_commit(root),
        selection=tuple(mask(list(selection(plan, root)))),
        settings=_settings(plan),
    )


def _settings(plan: Plan) -> dict[str, Any]:
    """How the run was made: what the command line and the settings chose, as far as they did."""
    options = plan.options
    chosen = {
        "jobs": plan.jobs,
        "timeout": options.timeout,
        "keyword": options.keyword,
        "changed": options.changed or None,
        "replay": options.replay or None,
        "again": options.again,
        "max_requests": options.max_requests,
        "max_cost": options.max_cost,
        "fail_fast": options.fail_fast or None,
    }
    return {name: value for name, value in chosen.items() if value is not None}
