"""Two sets of replies to one request, held against each other."""

from __future__ import annotations

from msgspec import Struct


class Rate(Struct, frozen=True, kw_only=True):
    """How many replies of a set kept one expectation."""

    kept: int
    total: int
    interval: tuple[float, float]
    """Wilson's 95 % interval of the share, each from 0 to 1."""


class RateTest(Struct, frozen=True, kw_only=True):
    """One expectation: the share that keeps it now against the share that kept it."""

    rule: str
    """The expectation for people: ``contains `할머니` ``."""
    now: Rate
    before: Rate | None = None
    """None where the accepted set does not tell."""
    p: float | None = None
    """One-sided, by Fisher's exact test: how likely so few would keep it were nothing changed."""
    corrected: float | None = None
    """`p` as it counts among all tests of the case, by Holm's correction."""
    least_p: float | None = None
    """The smallest `corrected` that this accepted set leaves possible, with no reply that keeps it;
    above `alpha`, this test can never alarm. None, like `p`, where there was nothing to test."""
    alarm: bool = False
    """Whether `corrected` is at most `alpha`."""


class ReplyTest(Struct, frozen=True, kw_only=True):
    """The replies themselves: a permutation test on the energy distance of the two sets."""

    p: float
    corrected: float | None = None
    """`p` as it counts among all tests of the case, by Holm's correction."""
    least_p: float | None = None
    """The smallest `corrected` that sets of these sizes could give; above `alpha`, this test can
    never alarm. 1 where replies are so large that no two could be told to be alike."""
    effect: float
    """The energy distance over twice the mean distance between the sets: 0 alike, 1 apart."""
    exact: bool
    """Whether every split was counted; else so many were drawn with a fixed seed."""
    splits: int
    before: tuple[str, ...]
    """Up to three typical replies of the accepted set, as text, the most typical first."""
    now: tuple[str, ...]
    bounded: bool = False
    """Whether the replies are too large for the mode's own measure, and a coarser one was taken:
    pairs of neighbouring words, leaves without a tolerance, or only equal or not."""
    alarm: bool = False
    """Whether `corrected` is at most `alpha`."""


class SetComparison(Struct, frozen=True, kw_only=True):
    """N replies against the accepted set, under Holm's correction over all tests of the case."""

    before: int
    """Replies of the accepted set."""
    now: int
    alpha: float
    rates: tuple[RateTest, ...] = ()
    replies: ReplyTest | None = None
    """None where the mode of comparing is `none`."""
    least_p: float
    """The smallest `least_p` of all tests: above `alpha`, no difference could ever be an alarm.
    1 where nothing was tested."""
    enough: int | None = None
    """How many samples would do, on both sides, where these are too few for any alarm; None where
    they are not, or where no number would help."""
    second: SetComparison | None = None
    """The same with fresh replies, asked for because the first look alarmed."""
    false_alarms: float
    """The share of unchanged cases that both looks would take for changed, by the sizes."""
    warnings: tuple[str, ...] = ()
    """What the author of the rules should know, as in `Comparison`."""

    @property
    def can_alarm(self) -> bool:
        """Whether any difference between sets of these sizes could be an alarm."""
        return self.least_p <= self.alpha

    @property
    def alarm(self) -> bool:
        """Whether this look finds a difference."""
        return any(one.alarm for one in self.rates) or bool(self.replies and self.replies.alarm)

    @property
    def confirmed(self) -> bool:
        """Whether this look and the second one both find a difference, whichever it is."""
        return self.alarm and self.second is not None and self.second.alarm
