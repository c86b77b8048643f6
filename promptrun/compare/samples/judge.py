"""Two sets of replies to one request: every test of a case, under one correction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, structs

from promptrun.compare.content import Reader
from promptrun.compare.samples.expected import enough_samples, false_alarm_rate
from promptrun.compare.samples.fisher import fisher_fewer, least_fisher
from promptrun.compare.samples.holm import correct
from promptrun.compare.samples.points import count, gather_points, show_samples
from promptrun.compare.samples.wilson import make_rate
from promptrun.compare.whole import MODES
from promptrun.errors import UsageError
from promptrun.models import RateTest, ReplyTest, SetComparison

if TYPE_CHECKING:
    from collections.abc import Sequence

    from promptrun.compare.samples.points import Point, Sample
    from promptrun.models import CompareRules

MAX_SAMPLES: Final = 1_000
"""Replies of a set that can be judged."""


class Kept(Struct, frozen=True, kw_only=True):
    """How many replies of each set kept one expectation."""

    rule: str
    """The expectation for people."""
    now: int
    total: int
    before: int | None = None
    """None where the accepted set does not tell."""
    total_before: int | None = None


def compare_sets(
    before: Sequence[Sample],
    now: Sequence[Sample],
    rules: CompareRules,
    kept: Sequence[Kept],
    *,
    alpha: float,
) -> SetComparison:
    """Hold the replies of a run against the accepted ones, as sets.

    The same sets in any order give the same result. It needs numpy unless the mode is ``none`` (see
    `require_numpy`). Raises ValueError for an alpha that is no rate, and for a set of more than
    `MAX_SAMPLES` replies.
    """
    sizes = count(before), count(now)
    if max(sizes) > MAX_SAMPLES:
        raise ValueError(f"a set may have {MAX_SAMPLES:,} replies, and this has {max(sizes):,}")
    replies, warnings = _test_replies(before, now, rules)
    rates, replies = _correct_all([_test_rate(one) for one in kept], replies, alpha)
    least = [one.least_p for one in (*rates, replies) if one and one.least_p is not None]
    enough = enough_samples(alpha, tests=max(1, len(least)))
    is_short = bool(least) and min(least) > alpha and enough > min(sizes)
    one_sided = any(one.p is not None and _could_alarm(one, alpha) for one in rates)
    return SetComparison(
        before=sizes[0],
        now=sizes[1],
        alpha=alpha,
        rates=tuple(rates),
        replies=replies,
        least_p=min(least, default=1.0),
        enough=enough if is_short else None,
        false_alarms=false_alarm_rate(*sizes, alpha, one_sided=one_sided),
        warnings=warnings,
    )


def with_second(first: SetComparison, second: SetComparison) -> SetComparison:
    """The first look, with what the second one made of fresh replies."""
    return structs.replace(first, second=second)


def require_numpy() -> None:
    """Raise UsageError where numpy is not installed, which the test on the replies needs."""
    try:
        import numpy  # noqa: F401, ICN001 - only whether it is there matters
    except ImportError:
        raise UsageError(
            "`samples` needs numpy, which is not installed",
            hint="pip install 'promptrun[samples]'",
        ) from None


def _test_rate(kept: Kept) -> RateTest:
    now = make_rate(kept.now, kept.total)
    if kept.before is None or kept.total_before is None:
        return RateTest(rule=kept.rule, now=now)
    return RateTest(
        rule=kept.rule,
        now=now,
        before=make_rate(kept.before, kept.total_before),
        p=fisher_fewer(kept.now, kept.total, kept.before, kept.total_before),
        least_p=least_fisher(kept.total, kept.before, kept.total_before),
    )


def _test_replies(
    before: Sequence[Sample], now: Sequence[Sample], rules: CompareRules
) -> tuple[ReplyTest | None, tuple[str, ...]]:
    """The test, not corrected yet, and what the author of the rules should know."""
    mode = MODES[rules.mode]
    if not mode.replies:
        return None, ()
    reader = Reader(mode, rules)
    points = gather_points(before, now, mode, rules.mode, reader)
    if reader.gave_up:
        test, _ = _test_replies(before, now, structs.replace(rules, replace=()))
    else:
        test = _test_points(points, rules)
    return test, tuple(reader.warnings())


def _test_points(points: Sequence[Point], rules: CompareRules) -> ReplyTest:
    from promptrun.compare.samples.distance import measure_distances
    from promptrun.compare.samples.energy import compare_by_energy
    from promptrun.compare.samples.typical import find_typical

    distances = measure_distances([point.reading for point in points], rules)
    olds, news = [count(one.before) for one in points], [count(one.now) for one in points]
    found = compare_by_energy(distances.matrix, olds, news)
    # Past its last bound the measure has no degrees, and replies that never repeat look all alike.
    size = len(points)
    is_blind = (
        distances.bounded
        and sum(olds) + sum(news) == size
        and float(distances.matrix.sum()) == size * (size - 1)
    )
    typical = [find_typical(distances.matrix, counts) for counts in (olds, news)]
    return ReplyTest(
        p=found.p,
        least_p=1.0 if is_blind else found.least_p,
        effect=found.effect,
        exact=found.exact,
        splits=found.splits,
        bounded=distances.bounded,
        before=tuple(show_samples(points[place].before) for place in typical[0]),
        now=tuple(show_samples(points[place].now) for place in typical[1]),
    )


def _correct_all(
    rates: Sequence[RateTest], replies: ReplyTest | None, alpha: float
) -> tuple[list[RateTest], ReplyTest | None]:
    """All tests that could be made, judged by what the correction leaves of their p's.

    An expectation that (nearly) all replies of both sets keep could not alarm however they were
    dealt out. Such a test takes no part in the correction, as Tarone (Biometrics 46, 1990) shows:
    rules that are always kept cost the others no power.
    """
    tested = [at for at, one in enumerate(rates) if one.p is not None]
    counted = [at for at in tested if _could_alarm(rates[at], alpha)]
    own = [] if replies is None else [replies]
    ps = correct([*(rates[at].p or 0.0 for at in counted), *(one.p for one in own)])
    # With every p at its smallest, each corrected one is at its smallest, too.
    least_ps = correct(
        [*(rates[at].least_p or 0.0 for at in tested), *(one.least_p or 0.0 for one in own)]
    )
    corrected = dict(zip([*counted, *([-1] if own else [])], ps, strict=True))
    least = dict(zip([*tested, *([-1] if own else [])], least_ps, strict=True))
    settled = list(rates)
    for at in tested:
        p = corrected.get(at, 1.0)
        settled[at] = structs.replace(rates[at], corrected=p, least_p=least[at], alarm=p <= alpha)
    if replies is not None:
        p = corrected[-1]
        replies = structs.replace(replies, corrected=p, least_p=least[-1], alarm=p <= alpha)
    return settled, replies


def _could_alarm(test: RateTest, alpha: float) -> bool:
    """Whether some way to deal out the replies that there are would be rare enough."""
    assert test.before is not None  # noqa: S101 - it has a p
    kept = test.now.kept + test.before.kept
    fewest = max(0, kept - test.before.total)
    return fisher_fewer(fewest, test.now.total, kept - fewest, test.before.total) <= alpha
