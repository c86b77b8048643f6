"""N replies against N accepted ones, as sets and with a stated rate of false alarms. Pure.

Each expectation is judged by the share of replies that keep it, the replies themselves by how far
apart the two sets lie. Only the test on the replies needs numpy, and imports it when it runs.
"""

from __future__ import annotations

from promptrun.compare.samples.expected import (
    enough_samples,
    false_alarm_rate,
    unluckiest_rate,
)
from promptrun.compare.samples.judge import (
    MAX_SAMPLES,
    Kept,
    compare_sets,
    require_numpy,
    with_second,
)
from promptrun.compare.samples.points import Sample

__all__ = [
    "MAX_SAMPLES",
    "Kept",
    "Sample",
    "compare_sets",
    "enough_samples",
    "false_alarm_rate",
    "require_numpy",
    "unluckiest_rate",
    "with_second",
]
