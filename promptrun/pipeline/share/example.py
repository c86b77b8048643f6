"""Cases as something to send to somebody else: all that repeating them takes, and no secret."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

import promptrun
from promptrun.config import secrets_of
from promptrun.errors import UsageError
from promptrun.models import BadCase, Case, Request, Server
from promptrun.pipeline.faults import rules_of
from promptrun.pipeline.options import WritePolicy
from promptrun.pipeline.plan import make_plan
from promptrun.pipeline.prepare import Prepared, prepare
from promptrun.pipeline.projects import PlannedSpec
from promptrun.pipeline.share.bounds import Bounds
from promptrun.pipeline.share.pack import Packer
from promptrun.pipeline.share.repeat import render_masked, repeats
from promptrun.pipeline.share.reply import Chosen, Replies
from promptrun.pipeline.share.secrets import Guard
from promptrun.pipeline.share.texts import map_texts
from promptrun.pipeline.share.unread import find_unread
from promptrun.pipeline.versions import openai_version
from promptrun.reports.share.shared import Shared, SharedCase

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import CaseResult, Overrides
    from promptrun.pipeline.options import Options
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.share.pack import Packed

MOST_CASES: Final = 20
NO_ADDRESS: Final = "https://YOUR_SERVER/v1"
NO_AZURE_ADDRESS: Final = "https://YOUR_RESOURCE.openai.azure.com"
NO_KEY: Final = "YOUR_API_KEY"


class _Taken(Struct, frozen=True, kw_only=True):
    """One case that is shared, before it is looked through."""

    planned: PlannedSpec
    case: Case
    body: dict[str, Any] | None
    """The request as it is sent, with whatever secret it holds."""
    expected: list[Any]
    """What the expectations compare with, with whatever secret it holds."""
    chosen: Chosen


def share_cases(
    options: Options, *, wanted: str | None = None, mask: bool = False, output: Path | None = None
) -> Shared:
    """The cases that `options` select, each with the reply that `wanted` means.

    See `Replies` for that. Nothing is sent and nothing is written. Raises UsageErrors with the
    place of all that looks like a secret; with `mask`, ``MASKED`` stands there instead. Raises
    UsageError for too many cases, for several projects, and where `output`, the file that is going
    to be written, is one of those that the cases read. Where none was selected, there is none.
    """
    plan = _make_plan(options)
    cases = _select(plan)
    guard = Guard(_secrets(plan), plan, mask=mask)
    packer = Packer(plan)
    for _, case in cases:
        guard.case(case.spec.id, case.name)
    guard.refuse()
    with Replies(plan, wanted) as replies:
        taken = [_take(plan, planned, case, replies, packer) for planned, case in cases]
    if output is not None and packer.holds(output):
        raise UsageError(
            f"`{output.name}` is one of the files that are shared", hint="name another file"
        )
    guard.variables(options.overrides.vars)
    packed = _leave_out_unread(packer.pack(), taken, options.overrides)
    files = guard.files(packed)
    guard.refuse()
    bounds = Bounds()
    shared = tuple(_share(options, one, guard, bounds) for one in taken)
    if guard.needs_rendering(packed, [[one.body, one.expected] for one in taken]):
        _render_masked(options.overrides, taken, packed, guard)
    guard.refuse()
    whole = Shared(cases=shared, files=files, versions=_versions(), masked=guard.masked)
    return structs.replace(whole, notes=tuple(_why_not_repeated(options, taken, whole)))


def _make_plan(options: Options) -> Plan:
    """A plan that may write nothing; its checks in Python run where the user trusts them."""
    plan = make_plan(options, sends=False)
    nothing = WritePolicy(new=False, changed=False, unreadable=False, pending=False)
    roots = frozenset(planned.project.root for planned in plan.specs)
    if len(roots) > 1:
        raise UsageError("the cases lie in several projects", hint="share those of one at a time")
    return structs.replace(plan, policy=nothing, python_roots=_trusted(plan))


def _trusted(plan: Plan) -> frozenset[Path]:
    from promptrun.config.trust import python_allowed

    projects = {planned.project.root: planned.project for planned in plan.specs}
    return frozenset(
        root
        for root, project in projects.items()
        if project.settings.project.allow_python and python_allowed(project.settings)
    )


def _select(plan: Plan) -> list[tuple[PlannedSpec, Case]]:
    cases: list[tuple[PlannedSpec, Case]] = []
    for planned, case in plan.all_cases():
        if isinstance(case, BadCase):
            raise case.error
        if len(cases) == MOST_CASES:
            named = ", ".join(f"`{one.id}`" for _, one in cases[:3])
            raise UsageError(
                f"more than {MOST_CASES} cases were selected to be shared",
                hint=f"name those that matter, such as {named}",
            )
        cases.append((planned, case))
    return cases


def _take(plan: Plan, planned: PlannedSpec, case: Case, replies: Replies, packer: Packer) -> _Taken:
    ready = prepare(plan, planned, case)
    if isinstance(ready, Prepared):
        body: dict[str, Any] | None = ready.request.body
        chosen = replies.choose(ready)
        packer.take(planned, case, ready.rules)
    else:
        body, chosen = None, _as_it_is(ready)
        packer.take(planned, case, ())
    expected = [one.argument for one in rules_of(case)]
    return _Taken(planned=planned, case=case, body=body, expected=expected, chosen=chosen)


def _as_it_is(result: CaseResult) -> Chosen:
    """A case that its provider cannot serve; one that cannot be rendered is an error."""
    if result.error is not None:
        raise result.error
    if result.request is None:
        raise UsageError(f"`{result.id}` cannot be shared: {result.reason}")
    return Chosen(result=result, source="none is known, the request alone")


def _leave_out_unread(
    packed: list[Packed], taken: list[_Taken], overrides: Overrides
) -> list[Packed]:
    """The files that are read: what a case only names may be nobody's business."""
    cases = [(one.planned, one.case) for one in taken]
    unread = find_unread([one.file for one in packed], cases, overrides)
    return [one for one in packed if one.file.path not in unread]


def _render_masked(
    overrides: Overrides, taken: list[_Taken], packed: list[Packed], guard: Guard
) -> None:
    """Look at what the masked files give: what a template puts together stands in none of them."""
    masked = structs.replace(
        overrides,
        vars=map_texts(overrides.vars, guard.lettered),
        fields=map_texts(overrides.fields, guard.lettered),
    )
    files = [
        structs.replace(one.file, text=one.file.text and guard.lettered(one.file.text))
        for one in packed
    ]
    for one in taken:
        try:
            value, problem = render_masked(files, one.planned, one.case, masked)
        except OSError as error:
            value, problem = {}, str(error.strerror)
        if problem is not None:
            guard.not_rendered(one.case.id, problem)
        guard.rendered(one.case.id, value)


def _secrets(plan: Plan) -> list[str]:
    found = [one for planned in plan.specs for one in secrets_of(planned.project.settings, ())]
    return list(dict.fromkeys(found))


def _share(options: Options, taken: _Taken, guard: Guard, bounds: Bounds) -> SharedCase:
    """The case without secrets, without the machine that it ran on, and within bounds."""
    told = taken.chosen.result
    body = taken.body
    if body is None and told.request is not None:
        body = told.request.body
    notes = list(taken.chosen.notes)
    guard.expected(taken.case.id, taken.expected)
    if body is not None:
        body = bounds.request(guard.request(taken.case.id, body), notes)
    result = bounds.result(guard.result(told), notes)
    result = structs.replace(
        result,
        request=None if body is None else Request(body=body),
        hint=None,
        pending=None,
        snapshot=None,
        written=False,
    )
    server = _server(taken.planned)
    if server.name not in {"openai", "local"}:
        notes.append(
            f"it was asked of a server that the settings there call `{server.name}`; "
            "`--provider` names another one"
        )
    return SharedCase(
        result=result,
        source=taken.chosen.source,
        server=server,
        key_env="OPENAI_API_KEY" if server.name in {"openai", "local"} else NO_KEY,
        run=guard.text(f"the command of `{taken.case.id}`", _run_command(options, taken)),
        notes=tuple(notes),
    )


def _server(planned: PlannedSpec) -> Server:
    """Where the commands go: OpenAI's own address, or a place to write one's own into."""
    name = planned.provider
    if name in {"openai", "local"}:
        # The embedded model has no address: this is how OpenAI would be asked.
        return Server(name=name, kind="openai")
    table = planned.project.settings.providers[name]
    address = NO_AZURE_ADDRESS if table.kind == "azure" else NO_ADDRESS
    return Server(name=name, kind=table.kind, base_url=address, api_version=table.api_version)


def _run_command(options: Options, taken: _Taken) -> str:
    overrides, provider = options.overrides, taken.planned.provider
    words = ["promptrun", taken.case.id]
    for name, value in overrides.vars.items():
        words += ["--var", f"{name}={value}"]
    for name in ("model", "seed"):
        if name in overrides.fields:
            words += [f"--{name}", str(overrides.fields[name])]
    if provider in {"openai", "local"}:
        words += ["--provider", provider]
    return shlex.join(words)


def _versions() -> dict[str, str]:
    versions = {"promptrun": promptrun.__version__, "openai": openai_version()}
    known = {name: version for name, version in versions.items() if version is not None}
    return known | {"python": sys.version.split()[0]}


def _why_not_repeated(options: Options, taken: list[_Taken], shared: Shared) -> list[str]:
    """For each case whose request the files do not give again, a sentence that says so."""
    if shared.masked:
        return [
            "what looked like a secret is replaced by `MASKED`: requests and files are not exact"
        ]
    found = []
    for one in taken:
        if one.body is None:
            continue
        try:
            problem = repeats(shared.files, one.planned, one.case, one.body, options.overrides)
        except OSError as error:
            problem = f"it could not be tried: {error.strerror}"
        if problem is not None:
            found.append(f"the files alone do not give the request of `{one.case.id}`: {problem}")
    return found
