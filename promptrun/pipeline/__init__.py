"""The one place where the stages meet; the command line and the Python API stand on it."""

from promptrun.pipeline.api import collect_results, load_prompt, render_arguments
from promptrun.pipeline.changes import Settled, accept_changes, reject_changes
from promptrun.pipeline.inspect import (
    Checked,
    Listed,
    Shown,
    check_cases,
    list_cases,
    list_models,
    show_cases,
)
from promptrun.pipeline.options import Options
from promptrun.pipeline.plan import Plan, make_plan
from promptrun.pipeline.run import Event, StreamPiece, StreamRestarted, run_plan
from promptrun.pipeline.trust import read_trust

__all__ = [
    "Checked",
    "Event",
    "Listed",
    "Options",
    "Plan",
    "Settled",
    "Shown",
    "StreamPiece",
    "StreamRestarted",
    "accept_changes",
    "check_cases",
    "collect_results",
    "list_cases",
    "list_models",
    "load_prompt",
    "make_plan",
    "read_trust",
    "reject_changes",
    "render_arguments",
    "run_plan",
    "show_cases",
]
