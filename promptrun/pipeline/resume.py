"""Going on with a recorded run: what it was answered is not asked again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import structs

from promptrun.errors import UsageError
from promptrun.pipeline.recorded import Recorded
from promptrun.runs import RunReader, find_run, has_record, open_run
from promptrun.runs.figures import EVERYTHING
from promptrun.runs.place import LAST
from promptrun.runs.rows import MOST_SELECTED

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared


def selection(plan: Plan, root: Path) -> tuple[str, ...]:
    """The targets of a plan below `root`, in one spelling: what its record is found by."""
    options = plan.options
    found = set()
    for target in options.targets:
        name, mark, case = target.partition("::")
        path = (options.cwd / name).resolve()
        if path.is_relative_to(root):
            found.add(f"{path.relative_to(root).as_posix()}{mark}{case}")
        elif root.is_relative_to(path):
            found.add(EVERYTHING)
    return _few(found)


def _few(found: set[str]) -> tuple[str, ...]:
    """The same, or what holds it where a record would not take so many names: specs, folders."""
    if len(found) > MOST_SELECTED:
        found = {target.partition("::")[0] for target in found}
    while len(found) > MOST_SELECTED:
        found = {PurePosixPath(target).parent.as_posix() for target in found}
    return tuple(sorted(found))


def plan_of_resumed(plan: Plan) -> Plan:
    """The plan under the id of the run that it goes on with.

    Raises UsageError where there is no such run.
    """
    name = plan.options.resume
    roots = list(dict.fromkeys(planned.project.root for planned in plan.specs))
    if name is None or not roots:
        return plan
    for planned in plan.specs:
        if not planned.project.settings.project.runs.record:
            raise UsageError(
                "a run is gone on with by its record, and this project keeps none",
                hint="`record = false` stands under `[runs]` in its settings",
            )
    if name != LAST:
        # A project that sent nothing has no record of the run.
        root = next((one for one in roots if has_record(one, name)), roots[0])
        return structs.replace(plan, run_id=_named(plan, root, name))
    for root in roots:
        info = find_run(root, selection(plan, root))
        if info is not None:
            return structs.replace(plan, run_id=info.id)
    raise UsageError(
        "no run over these paths is recorded, so there is none to go on with",
        hint="`promptrun history` lists the recorded runs, and `--run ID` names one",
    )


def _named(plan: Plan, root: Path, name: str) -> str:
    """The id of the run that is named, which was over the paths of this plan, or more."""
    with open_run(root, name) as run:
        info = run.info
    recorded = info.meta.selection if info.meta else ()
    for path in selection(plan, root):
        if not any(
            one in {".", path} or path.startswith((f"{one}/", f"{one}::")) for one in recorded
        ):
            raise UsageError(
                f"the run `{info.id}` was not over `{path}`",
                hint=f"it was over {', '.join(f'`{one}`' for one in recorded) or 'nothing'}",
            )
    return info.id


class Recall:
    """The answers of the run that is gone on with, case by case."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._readers: dict[Path, RunReader] = {}

    def __call__(self, prepared: Prepared) -> Recorded:
        """What was recorded for the very request that a case would send now."""
        root = prepared.planned.project.root
        if root not in self._readers:
            self._readers[root] = open_run(root, self._plan.run_id)
        digests = prepared.kept.digests
        return Recorded(self._readers[root].replies(prepared.result.id, digests))

    def close(self) -> None:
        """Let go of the record."""
        for reader in self._readers.values():
            reader.close()
