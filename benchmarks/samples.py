"""Sets of samples: how often an unchanged model alarms, and how often a changed one is found.

Models are simulated, so that what is true is known. Accepted sets are drawn and frozen, and each is
held against many fresh sets, as a spec with ``samples:`` is in the runs that follow. An alarm asks
for a second set of fresh replies; only where that alarms as well, the case has changed.

Beside it stands what one reply can tell: compared exactly, and by a threshold of likeness.
Run it with ``python benchmarks/samples.py``; ``--quick`` runs a small form.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from math import ceil
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from promptrun.compare.samples import (
    Kept,
    Sample,
    compare_sets,
    false_alarm_rate,
    unluckiest_rate,
)
from promptrun.compare.samples.expected import UNLUCKIEST, recurrence
from promptrun.files.json import canonical
from promptrun.matching.likeness import likeness
from promptrun.models import CompareRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Draw = Callable[[Random], str]
    """One reply of a model as text."""

ALPHA = 0.05
THRESHOLD = 0.8
WORKERS = 2
REPEATS = 1_000
"""Simulations of the stated model, for what it gives by chance in as few comparisons."""
SURE = 0.99
"""How often a rate that is exactly as stated must stay under what is allowed."""
SIZES = (10, 20)
"""Replies of each set, where models change."""
FOUND = 0.9
"""The share of clear changes that sets of the larger size have to find."""

KOREAN = (
    "옛날에 할머니가 살았습니다.",
    "옛날에 할아버지가 살았습니다.",
    "옛날 옛적에 할머니와 호랑이가 살았습니다.",
    "호랑이가 떡을 먹었습니다.",
    "Once there was a tiger.",
    "죄송합니다. 알 수 없습니다.",
)
SUBJECTS = ("an old woman", "a young tiger", "the dragon", "a fisherman", "her brother", "nobody")
VERBS = ("walked to", "looked for", "dreamt of", "asked about", "left", "remembered")
PLACES = ("the river", "a small house", "the mountain", "the market", "the sea", "a dark wood")
ENDINGS = ("It was late.", "The moon was bright.", "Nothing happened.", "They laughed together.")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A source of replies, and two that it could change into."""

    unchanged: Draw
    slight: Draw
    clear: Draw
    rules: CompareRules = field(default_factory=CompareRules)
    expected: str | None = None
    """A word that an expectation of the spec wants in every reply."""
    repeats: bool = False
    """Whether it says few different things, so that a comparison is cheap and many are made."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """How much is simulated."""

    size: int
    """Replies of each set, where models do not change."""
    baselines: int
    comparisons: int
    """Fresh sets for each accepted one."""
    changes: int
    """Comparisons with a changed model, each with an accepted set of its own."""

    def of(self, model: Model) -> Design:
        """The design for one model."""
        return replace(self, baselines=5 * self.baselines) if model.repeats else self


FULL = Design(size=10, baselines=200, comparisons=20, changes=200)
QUICK = Design(size=6, baselines=100, comparisons=10, changes=12)


def handful(weights: Sequence[float]) -> Draw:
    """A few replies, one of them most often."""
    return lambda random: random.choices(KOREAN, weights)[0]


def sentences(tilt: float) -> Draw:
    """Sentences that hardly repeat; `tilt` is how much the first words are preferred."""

    def draw(random: Random) -> str:
        def pick(words: Sequence[str]) -> str:
            return random.choices(words, [tilt**place for place in range(len(words))])[0]

        told = [f"{pick(SUBJECTS)} {pick(VERBS)} {pick(PLACES)}." for _ in range(3)]
        return " ".join((*told, pick(ENDINGS)))

    return draw


def structures(sad: float, score: float, *, extra: float = 0.0) -> Draw:
    """JSON with leaves that vary: a mood, a score, names, sometimes a note."""

    def draw(random: Random) -> str:
        value = {
            "people": random.sample(["할머니", "할아버지", "호랑이"], random.choice([1, 2, 2])),
            "mood": "sad" if random.random() < sad else "happy",
            "score": round(random.gauss(score, 1.0)),
            "place": random.choice(PLACES),
        }
        if random.random() < extra:
            value["note"] = "as asked"
        return canonical(value)

    return draw


def keeping(share: float) -> Draw:
    """Sentences of which so many say what an expectation wants."""
    draw_text = sentences(0.9)
    return lambda random: draw_text(random) + (" Done." if random.random() < share else "")


MODELS = {
    "a handful of replies": Model(
        unchanged=handful((50, 25, 12, 8, 4, 1)),
        slight=handful((30, 35, 12, 8, 14, 1)),
        clear=handful((5, 10, 10, 50, 5, 20)),
        repeats=True,
    ),
    "sentences": Model(unchanged=sentences(0.9), slight=sentences(0.6), clear=sentences(0.3)),
    "JSON": Model(
        unchanged=structures(0.3, 5.0),
        slight=structures(0.6, 5.5),
        clear=structures(0.8, 7.0, extra=0.8),
        rules=CompareRules(mode="json", ignore_order=True),
    ),
    "an expectation alone": Model(
        unchanged=keeping(0.8),
        slight=keeping(0.5),
        clear=keeping(0.1),
        rules=CompareRules(mode="none"),
        expected="Done",
        repeats=True,
    ),
    "sentences and an expectation": Model(
        unchanged=keeping(0.8), slight=keeping(0.5), clear=keeping(0.1), expected="Done"
    ),
}


def judge(task: tuple[list[str], list[str], CompareRules, str | None]) -> bool:
    """Whether one look alarms, for two lists of replies as text."""
    before, now, rules, expected = task
    kept = []
    if expected:
        olds, news = (sum(expected in text for text in side) for side in (before, now))
        sizes = {"total": len(now), "total_before": len(before)}
        kept = [Kept(rule=f"contains `{expected}`", now=news, before=olds, **sizes)]
    return compare_sets(_samples(before), _samples(now), rules, kept, alpha=ALPHA).alarm


def _samples(texts: Iterable[str]) -> list[Sample]:
    return [Sample(choices=[{"finish_reason": "stop", "content": text}]) for text in texts]


def look_twice(
    accepted: Sequence[list[str]], draw: Callable[[], str], model: Model, pool: ProcessPoolExecutor
) -> tuple[list[bool], list[bool]]:
    """Hold fresh sets from `draw` against accepted ones: first alarms, and confirmed ones."""

    def look(sets: Sequence[list[str]]) -> list[bool]:
        tasks = [(before, [draw() for _ in before], model.rules, model.expected) for before in sets]
        return list(pool.map(judge, tasks, chunksize=16))

    first = look(accepted)
    again = iter(look([before for before, alarm in zip(accepted, first, strict=True) if alarm]))
    return first, [alarm and next(again) for alarm in first]


def allow_by_chance(design: Design, *, one_sided: bool) -> tuple[float, float, float]:
    """What the rates of a model that is exactly as stated stay under, so often as `SURE` says.

    The rate of first looks, the mean rate of both, and that of the unluckiest accepted sets. These
    are chosen by the very comparisons that judge them, which alone makes them look unluckier than
    they are; so the same choice is made here.
    """
    random = np.random.default_rng(1)
    size, held = design.size, design.comparisons
    deviations = random.standard_normal(20_000)
    rates = np.array([recurrence(b, size, size, ALPHA, one_sided=one_sided) for b in deviations])
    chosen = random.choice(rates, (REPEATS, design.baselines))
    first = random.binomial(held, np.sqrt(chosen)) / held
    both = np.sort(random.binomial(held, chosen), axis=1) / held
    seen = (first, both, both[:, -count_unluckiest(design) :])
    one, mean, worst = (float(np.quantile(one.mean(axis=1), SURE)) for one in seen)
    return one, mean, worst


def count_unluckiest(design: Design) -> int:
    """How many accepted sets are the unluckiest 1 %."""
    return ceil(UNLUCKIEST * design.baselines)


def single_replies(draw: Callable[[], str], changed: Callable[[], str]) -> tuple[float, float]:
    """The share of single replies that differ from an accepted one: exactly, and by likeness."""
    pairs = [(draw(), changed()) for _ in range(1_000)]
    exact = sum(old != new for old, new in pairs) / len(pairs)
    return exact, sum(likeness(old, new) < THRESHOLD for old, new in pairs) / len(pairs)


def measure_unchanged(design: Design, pool: ProcessPoolExecutor) -> int:
    """Print the rates of false alarms of every model; how many of them are too high."""
    failed = 0
    print(
        f"unchanged models, {design.size} replies against {design.size}: the share of false "
        "alarms\nin brackets the rate that is stated, and what chance can make of it in so few "
        f"comparisons ({SURE:.0%} of simulations stay under it)\n"
    )
    heads = "one look", "two looks", "unluckiest 1 % of sets", "exact", "likeness"
    print(f"{'':30}{'sets':>12}  {heads[0]:26}{heads[1]:26}{heads[2]:26}{heads[3]:10}{heads[4]}")
    for name, model in MODELS.items():
        draw = _bind(model.unchanged, Random(name))  # noqa: S311 - a simulation
        rates = judge_unchanged(draw, model, design.of(model), pool)
        failed += sum(seen > allowed for seen, _, allowed in rates)
        cells = [
            f"{seen:.2%} ({stated:.2%}, {allowed:.1%}){'' if seen <= allowed else ' TOO HIGH'}"
            for seen, stated, allowed in rates
        ]
        exact, unlike = single_replies(draw, draw)
        sets = f"{design.of(model).baselines} × {design.comparisons}"
        row = "".join(f"{cell:26}" for cell in cells)
        print(f"{name:30}{sets:>12}  {row}{f'{exact:.0%}':10}{unlike:.0%}", flush=True)
    return failed


def judge_unchanged(
    draw: Callable[[], str], model: Model, design: Design, pool: ProcessPoolExecutor
) -> list[tuple[float, float, float]]:
    """What was seen, what is stated and what is allowed: one look, two looks, the unluckiest sets.

    All replies are those of `draw`, wherever it has them from.
    """
    size, one_sided = design.size, model.expected is not None
    accepted = [[draw() for _ in range(size)] for _ in range(design.baselines)]
    held = [one for one in accepted for _ in range(design.comparisons)]
    first, both = look_twice(held, draw, model, pool)
    rates = np.sort(np.reshape(both, (design.baselines, design.comparisons)).mean(axis=1))
    seen = np.mean(first), rates.mean(), rates[-count_unluckiest(design) :].mean()
    stated = (
        ALPHA,
        false_alarm_rate(size, size, ALPHA, one_sided=one_sided),
        unluckiest_rate(size, size, ALPHA, one_sided=one_sided),
    )
    allowed = allow_by_chance(design, one_sided=one_sided)
    return list(zip(map(float, seen), stated, allowed, strict=True))


def measure_changed(design: Design, pool: ProcessPoolExecutor) -> int:
    """Print the share of changes that are found; how many clear ones are found too seldom."""
    failed = 0
    print(f"\nchanged models, {design.changes} comparisons each: the share that is found\n")
    print(f"{'':40}{'N':>4}{'one look':>12}{'two looks':>12}{'exact':>12}{'likeness':>12}")
    for name, model in MODELS.items():
        for change, changed in (("slight", model.slight), ("clear", model.clear)):
            random = Random(f"{name}, {change}")  # noqa: S311 - a simulation
            old, new = _bind(model.unchanged, random), _bind(changed, random)
            exact, unlike = single_replies(old, new)
            for size in SIZES:
                accepted = [[old() for _ in range(size)] for _ in range(design.changes)]
                first, second = (np.mean(found) for found in look_twice(accepted, new, model, pool))
                too_seldom = change == "clear" and size == SIZES[-1] and bool(second < FOUND)
                failed += int(too_seldom)
                print(
                    f"{f'{name}, {change}':40}{size:4}{first:12.0%}{second:12.0%}{exact:12.0%}"
                    f"{unlike:12.0%}{f'  UNDER {FOUND:.0%}' if too_seldom else ''}",
                    flush=True,
                )
    return failed


def _bind(draw: Draw, random: Random) -> Callable[[], str]:
    return lambda: draw(random)


def main() -> int:
    """Print both tables; 1 where a target is missed."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a small form, in some seconds")
    design = QUICK if parser.parse_args().quick else FULL
    # Each worker loads its own numpy, which then keeps to the worker's own core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        failed = measure_unchanged(design, pool) + measure_changed(design, pool)
    print(f"\n{failed} targets missed" if failed else "\nevery target met")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
