"""Asking before many requests are paid for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from promptrun.reports.style import visible_line

if TYPE_CHECKING:
    from promptrun.cli.screen import Screen
    from promptrun.pipeline.confirm import Payment
    from promptrun.pipeline.plan import Plan

# The same key of the Korean keyboard, for whoever forgot to switch.
YES: Final = frozenset({"y", "yes", "ㅛ", "예", "네"})
MOST_ASKED: Final = 3
"""Models that are named."""
LONGEST_ANSWER: Final = 100


def may_pay(screen: Screen, plan: Plan, *, yes: bool) -> bool:
    """Whether a run may send what it is going to; asks a person in front of a terminal, if many.

    A run that goes on with another is not asked about: most of what it wants may be there. Nobody
    is asked in CI, where a terminal has nobody in front of it.
    """
    if yes or plan.options.resume is not None or not _is_attended(screen, plan):
        return True
    from promptrun.pipeline.confirm import find_payment

    payment = find_payment(plan)
    if payment is None:
        return True
    screen.talk(write_payment(payment, plan))
    screen.talk("Go on? [y/N]: ", end="")
    if _read_answer() in YES:
        return True
    screen.talk("nothing was sent; `--yes` goes on without asking")
    return False


def _is_attended(screen: Screen, plan: Plan) -> bool:
    if any(planned.project.settings.in_ci for planned in plan.specs):
        return False
    return screen.err_is_terminal and sys.stdin is not None and sys.stdin.isatty()


def write_payment(payment: Payment, plan: Plan) -> str:
    """How many requests will be paid for, and who gets them."""
    count = payment.requests
    if payment.counted:
        told = f"at least {count:,} requests"
    elif count < 10:
        told = "a number of requests that takes long to count"
    else:
        # It goes on growing: its last digits say nothing.
        told = f"more than {count // 1000 * 1000 or count // 10 * 10:,} requests"
    names = [
        visible_line(plan.masker.mask_text(f"{provider} ({model})" if model else provider))
        for provider, model in payment.asked[:MOST_ASKED]
    ]
    if len(payment.asked) > MOST_ASKED or not names:
        names.append(f"{len(payment.asked) - MOST_ASKED} more" if names else "a paid provider")
    return f"this run pays for {told}, to {', '.join(names)}"


def _read_answer() -> str:
    """A line of the terminal; none where it was ended instead."""
    line = sys.stdin.buffer.readline(LONGEST_ANSWER)
    return line.decode("utf-8", errors="replace").strip().lower()
