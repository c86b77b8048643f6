"""The values that travel from stage to stage: immutable, and without behaviour of their own."""

from promptrun.models.reply import Choice, Failure, Limits, Reply, Timings
from promptrun.models.request import Request
from promptrun.models.result import (
    WORST_FIRST,
    CaseResult,
    Cause,
    Change,
    Comparison,
    Difference,
    Outcome,
    Spent,
    Verdict,
)
from promptrun.models.samples import Rate, RateTest, ReplyTest, SetComparison
from promptrun.models.server import Server
from promptrun.models.snapshot import Digests, Snapshot
from promptrun.models.spec import (
    BadCase,
    Case,
    CompareRules,
    DataFile,
    Expectation,
    FileRef,
    Overrides,
    Replacement,
    SampleRules,
    Spec,
    Warned,
)

__all__ = [
    "WORST_FIRST",
    "BadCase",
    "Case",
    "CaseResult",
    "Cause",
    "Change",
    "Choice",
    "CompareRules",
    "Comparison",
    "DataFile",
    "Difference",
    "Digests",
    "Expectation",
    "Failure",
    "FileRef",
    "Limits",
    "Outcome",
    "Overrides",
    "Rate",
    "RateTest",
    "Replacement",
    "Reply",
    "ReplyTest",
    "Request",
    "SampleRules",
    "Server",
    "SetComparison",
    "Snapshot",
    "Spec",
    "Spent",
    "Timings",
    "Verdict",
    "Warned",
]
