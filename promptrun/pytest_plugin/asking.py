"""What pytest's options mean to the pipeline, and how its runs are driven inside of pytest."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from promptrun.models import Overrides
from promptrun.pipeline.loops import call_outside_of_loops
from promptrun.pipeline.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pytest

_T = TypeVar("_T")


def make_options(
    config: pytest.Config,
    targets: Iterable[str],
    variables: Mapping[str, Any] | None = None,
    *,
    record: bool = True,
) -> Options:
    """The pipeline's `Options` for `targets`, which are absolute or start at the rootdir."""
    provider = config.getoption("promptrun_provider") or config.getini("promptrun_provider")
    return Options(
        targets=tuple(targets),
        cwd=config.rootpath,
        environ=os.environ,
        overrides=Overrides(vars=dict(variables or {})),
        provider=provider or None,
        update=config.getoption("promptrun_update"),
        replay=config.getoption("promptrun_replay"),
        jobs=config.getoption("promptrun_jobs"),
        record=record,
    )


def call_apart(function: Callable[[], _T]) -> _T:
    """Call what drives a run, apart from what surrounds a test.

    An asynchronous test runs inside an event loop, and a run needs one of its own: it then gets a
    thread. The filters that make a warning an error are about the tests' own code, not about the
    packages that send a request.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call_outside_of_loops(function)
