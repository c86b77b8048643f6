"""YAML text → Spec → Cases: read, checked with every mistake at once, and expanded as a stream."""

from promptrun.spec.expand import expand
from promptrun.spec.findings import CheckArgument, Rules
from promptrun.spec.load import load_spec
from promptrun.spec.targets import Target, find_specs

__all__ = ["CheckArgument", "Rules", "Target", "expand", "find_specs", "load_spec"]
