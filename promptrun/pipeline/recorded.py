"""What a run recorded of one case, as answers to what the case asks now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.pipeline.conduct import Got, conduct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.models import CaseResult
    from promptrun.pipeline.conduct import Ask
    from promptrun.pipeline.plan import Plan
    from promptrun.pipeline.prepare import Prepared
    from promptrun.runs import RecordedReply


class Recorded:
    """The replies, and where they are wanted the failures, of one case."""

    def __init__(self, replies: Iterable[RecordedReply]) -> None:
        self._judged: dict[str | None, RecordedReply] = {}
        self._replies: dict[str, dict[int, RecordedReply]] = {"sample": {}, "second": {}}
        self._failures: list[RecordedReply] = []
        for one in replies:
            if one.role == "judge":
                # A failure never hides the reply that came before it or after it.
                if one.reply is not None or one.key not in self._judged:
                    self._judged[one.key] = one
            elif one.reply is not None:
                self._replies[one.role].setdefault(one.ordinal, one)
            elif one.role == "sample":
                self._failures.append(one)

    @property
    def samples(self) -> int:
        """How many replies came at the first look."""
        return len(self._replies["sample"])

    @property
    def failed(self) -> bool:
        """Whether what is missing is told by a failure."""
        return bool(self._failures)

    def judged_again(self, ask: Ask) -> Got:
        """What came of a question; nothing where it was not asked.

        Replies are numbered anew: an interrupted run may have the third one and not the first.
        """
        if ask.role == "judge":
            return _as_got(self._judged.get(ask.key))
        answers = sorted(self._replies[ask.role].items())
        if ask.ordinal < len(answers):
            return _as_got(answers[ask.ordinal][1])
        return _as_got(self._failures[0] if self._failures and ask.role == "sample" else None)

    def resumed(self, ask: Ask) -> Got | None:
        """The reply to this very question; None where it has to be asked, failed or not."""
        if ask.role == "judge":
            found = self._judged.get(ask.key)
        else:
            found = self._replies[ask.role].get(ask.ordinal)
        if found is None or found.reply is None or found.provider != ask.place[1]:
            return None
        return _as_got(found)


def judge_recorded(plan: Plan, prepared: Prepared, recorded: Recorded) -> CaseResult:
    """What becomes of a case by the answers that a run recorded; nobody is asked."""
    steps = conduct(plan, prepared)
    asks = next(steps)
    try:
        while True:
            asks = steps.send([recorded.judged_again(ask) for ask in asks])
    except StopIteration as ended:
        result: CaseResult = ended.value
        return result


def _as_got(one: RecordedReply | None) -> Got:
    if one is None:
        return Got()
    return Got(reply=one.reply, failure=one.failure, attempts=one.attempts)
