"""What can be told of specs without sending anything: check, list, show; and a server's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptrun.config import choose_provider, key_variable, resolve_server
from promptrun.errors import SnapshotError
from promptrun.files.tree import find_root
from promptrun.models import BadCase, Case, Failure, Server, Warned
from promptrun.pipeline.faults import warnings_of
from promptrun.pipeline.plan import make_plan
from promptrun.pipeline.prepare import mask_failure
from promptrun.pipeline.projects import load_project, secrets_for
from promptrun.render import render_request
from promptrun.snapshots import snapshot_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.pipeline.options import Options
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.projects import PlannedSpec


class Checked(Struct, frozen=True, kw_only=True):
    """What `check_cases` looked at."""

    specs: int
    cases: int
    warnings: tuple[Warned, ...]
    strangers: tuple[str, ...]
    """Variables of the command line that no spec mentions."""


class Listed(Struct, frozen=True, kw_only=True):
    """One case and what is kept of it."""

    id: str
    provider: str
    state: str
    """``accepted``, ``pending``, ``accepted, pending``, ``none`` or ``unreadable``."""


class Shown(Struct, frozen=True, kw_only=True):
    """One rendered request and where it would go."""

    id: str
    provider: str
    body: dict[str, Any]
    origins: dict[str, str]
    """Where each field comes from: ``specs/a.yaml:3``, ``promptrun.toml``, ``the command line``."""
    server: Server
    """Without its key."""
    key_env: str
    """The environment variable that holds the key."""


def check_cases(options: Options) -> Checked:
    """Load and render every selected case, rows of data files too.

    Raises SpecErrors with everything that is wrong, in the order of the files.
    """
    plan = make_plan(options, sends=False, every_row=True)
    warnings: dict[tuple[str, str], Warned] = {}
    count = 0
    for _, case in plan.all_cases():
        count += 1
        if isinstance(case, Case):
            for one in warnings_of(case, render_request(case).warnings):
                warnings[one.message, str(one.location)] = one
    return Checked(
        specs=len(plan.specs),
        cases=count,
        warnings=tuple(warnings.values()),
        strangers=plan.strangers,
    )


def list_cases(options: Options) -> Iterator[Listed]:
    """The selected cases, in the order of a run."""
    plan = make_plan(options, sends=False)
    for planned, case in plan.all_cases():
        yield Listed(id=case.id, provider=planned.provider, state=_state(planned, case))


def _state(planned: PlannedSpec, case: Case | BadCase) -> str:
    if isinstance(case, BadCase):
        return "bad row"
    store, root = planned.project.store, planned.project.root
    path = snapshot_path(root, case.spec.path, case.name, planned.provider)
    try:
        accepted = store.read(path, case.spec.id, case.name)
    except SnapshotError:
        # Of a newer format, or in a place that is no place for it.
        return "unreadable"
    states = {"present": ["accepted"], "absent": []}.get(accepted.state, ["unreadable"])
    if store.list_pending([path.relative_to(root).as_posix()]):
        states.append("pending")
    return ", ".join(states) or "none"


def show_cases(options: Options) -> Iterator[Shown]:
    """The request of each selected case, with secrets masked."""
    plan = make_plan(options, sends=False)
    for planned, case in plan.all_cases():
        if isinstance(case, BadCase):
            raise case.error
        settings = planned.project.settings
        # The embedded model has no address: its requests are shown as OpenAI would get them.
        provider = "openai" if planned.provider == "local" else planned.provider
        yield Shown(
            id=case.id,
            provider=planned.provider,
            body=plan.masker.mask(render_request(case).body),
            origins=_origins(plan, case),
            server=resolve_server(settings, provider, sends=False),
            key_env=key_variable(settings, provider),
        )


def _origins(plan: Plan, case: Case) -> dict[str, str]:
    origins: dict[str, str] = {}
    for name in case.fields:
        if name in plan.options.overrides.fields:
            origins[name] = "the command line"
        elif name in case.origins:
            location = case.spec.source.at(case.origins[name], key=True)
            origins[name] = f"{location.file}:{location.line}"
        else:
            origins[name] = "[defaults] of the project"
    own = case.fields.get("extra_body")
    if isinstance(own, dict):
        origins |= dict.fromkeys(own, origins["extra_body"])
    return origins


def list_models(options: Options) -> list[str] | Failure:
    """The names that the provider of the current project offers."""
    import asyncio

    from promptrun.providers import open_provider

    settings = load_project(find_root(options.cwd), options).settings
    server = resolve_server(settings, choose_provider(settings, None))
    provider = open_provider(server)
    masker = secrets_for([settings], [server])

    async def ask() -> list[str] | Failure:
        try:
            return await provider.open() or await provider.list_models()
        finally:
            await provider.close()

    found = asyncio.run(ask())
    if isinstance(found, Failure):
        return mask_failure(masker, found)
    return [masker.mask_text(name) for name in found]
