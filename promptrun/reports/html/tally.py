"""What a run adds up to, counted in one pass and in bounded memory."""

from __future__ import annotations

from collections import Counter
from math import floor, log10
from typing import TYPE_CHECKING, Final

from promptrun.models import WORST_FIRST, Verdict
from promptrun.reports.replies import live_replies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from promptrun.models import CaseResult

MAX_NAMES: Final = 2_000
"""Specs, models and the like that are told apart; cases of others are counted together."""
MAX_NAME: Final = 300
"""Characters of such a name."""
STEPS: Final = 20
"""Buckets of a spread for each power of ten."""


class Spread:
    """How amounts are spread: a count for each step of a logarithmic scale."""

    def __init__(self) -> None:
        self.steps: Counter[int] = Counter()

    def add(self, amount: float) -> None:
        """Count one amount; what is not above 0 has no place on the scale."""
        if 1e-9 < amount < 1e9:
            self.steps[floor(log10(amount) * STEPS)] += 1

    @property
    def total(self) -> int:
        """How many amounts were counted."""
        return self.steps.total()

    def find_share(self, share: float) -> float:
        """The amount below which that share of all lies, within 6 %."""
        left = share * self.total
        for step in sorted(self.steps):
            left -= self.steps[step]
            if left <= 0:
                return float(10 ** ((step + 0.5) / STEPS))
        return 0.0

    def group(self, size: int) -> Iterator[tuple[float, float, int]]:
        """Wider buckets of `size` steps: where each begins and ends, and its count."""
        groups: Counter[int] = Counter()
        for step, count in self.steps.items():
            groups[step // size] += count
        if groups:
            for number in range(min(groups), max(groups) + 1):
                yield (
                    10 ** (number * size / STEPS),
                    10 ** ((number + 1) * size / STEPS),
                    (groups[number]),
                )


class Names:
    """Counts by name, of which no more than `MAX_NAMES` are told apart."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Verdict]] = {}
        self.others: Counter[Verdict] = Counter()

    def add(self, name: str, verdict: Verdict) -> None:
        """Count one case."""
        name = name[:MAX_NAME]
        if name not in self.counts and len(self.counts) >= MAX_NAMES:
            self.others[verdict] += 1
        else:
            self.counts.setdefault(name, Counter())[verdict] += 1


class Tally:
    """The sums of a run."""

    def __init__(self) -> None:
        self.cases = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.specs = Names()
        self.models = Names()
        self.providers = Names()
        self.latency = Spread()
        self.cost = Spread()

    def add(self, result: CaseResult) -> None:
        """Count one case."""
        self.cases += 1
        self.verdicts[result.verdict] += 1
        self.specs.add(result.spec, result.verdict)
        self.providers.add(result.provider, result.verdict)
        model = find_model(result)
        if model is not None:
            self.models.add(model, result.verdict)
        for reply in live_replies(result):
            self.latency.add(reply.timings.total)
        if result.spent and result.spent.cost is not None:
            self.cost.add(result.spent.cost)


def find_model(result: CaseResult) -> str | None:
    """The model that served a case, else the one that was asked for."""
    served = result.reply.raw.get("model") if result.reply else None
    asked = result.request.body.get("model") if result.request else None
    return next((name for name in (served, asked) if isinstance(name, str) and name), None)


def rank_specs(
    counts: Mapping[str, Counter[Verdict]], most: int
) -> list[tuple[str, Counter[Verdict]]]:
    """The specs with the most cases that need a look, by name where they have as many."""

    def order(item: tuple[str, Counter[Verdict]]) -> tuple[int, int, str]:
        name, found = item
        bad = sum(found[verdict] for verdict in WORST_FIRST[:4])
        return -bad, -found.total(), name

    return sorted(counts.items(), key=order)[:most]
