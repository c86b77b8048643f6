"""Results for people, as lines of text: the verdict, what needs reading, the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptrun.files.json import pretty
from promptrun.models import WORST_FIRST, Cause, Verdict
from promptrun.reports.problems import write_message, write_problem
from promptrun.reports.style import visible, visible_line

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from promptrun.models import CaseResult, Choice, Difference, Failure, Outcome, Reply
    from promptrun.reports.style import Style

NEEDS_READING = frozenset(
    {Verdict.CHANGED, Verdict.FAILED, Verdict.MISSING, Verdict.ERROR, Verdict.SKIPPED}
)

LONGEST_VERDICT = max(map(len, Verdict))


def write_reply(reply: Reply, *, terminal: bool, skip: int = 0) -> str:
    """The answer itself, without a last newline; several choices under a heading each.

    The first `skip` choices are left out. On a terminal control characters are shown escaped;
    elsewhere the text is what came back.
    """
    choices = reply.choices
    texts = [write_choice(choice) for choice in choices]
    if len(choices) > 1:
        texts = [
            f"{write_heading(choice)}\n{text}" for choice, text in zip(choices, texts, strict=True)
        ]
    whole = "\n".join(texts[skip:])
    return visible(whole) if terminal else whole


def write_replies(result: CaseResult, *, terminal: bool) -> str:
    """The distinct replies of a set, each under how often it came, the most frequent first."""
    from promptrun.reports.sets import count_replies

    texts = [write_reply(reply, terminal=terminal) for reply in result.replies]
    return "\n".join(
        f"--- {count} of {len(texts)}\n{write_reply(reply, terminal=terminal)}"
        for reply, count in count_replies(result.replies, texts)
    )


def write_heading(choice: Choice) -> str:
    """What stands above a choice where there are several."""
    return f"--- choice {choice.index + 1} ({choice.finish_reason})"


def write_choice(choice: Choice) -> str:
    """Content, refusal and calls of one choice, each where it is set."""
    message = choice.message
    lines = [choice.content] if choice.content else []
    if message.get("refusal"):
        lines.append(f"[refusal] {message['refusal']}")
    calls = message.get("tool_calls")
    lines += [_write_call(call) for call in calls] if isinstance(calls, list) else []
    if message.get("function_call"):
        lines.append(_write_call({"function": message["function_call"]}))
    return "\n".join(lines)


def _write_call(call: object) -> str:
    if isinstance(call, dict):
        for kind, value in (("function", "arguments"), ("custom", "input")):
            inner = call.get(kind)
            if isinstance(inner, dict):
                return f"{inner.get('name')}({inner.get(value) or ''})"
    return pretty(call)


def write_verdict(result: CaseResult, style: Style, *, column: bool = False) -> str:
    """The one line of a case: verdict and causes, id, provider and time.

    In a `column` the ids of all cases stand below each other, but for a verdict that has causes.
    """
    causes = result.comparison.causes if result.comparison else ()
    word = f"{result.verdict} ({', '.join(causes)})" if causes else str(result.verdict)
    facts = [result.provider]
    if result.replayed:
        facts.append("replayed")
    if result.replies:
        facts.append(f"{len(result.replies)} replies")
    elif result.reply and not result.replayed:
        facts.append(f"{result.reply.timings.total:.2f} s")
    if result.attempts > 1:
        facts.append(f"{result.attempts} attempts")
    told = style.paint(", ".join(facts), "dim")
    margin = " " * (LONGEST_VERDICT - len(word)) if column else ""
    verdict = f"{_coloured(result.verdict, word, style)}{margin}"
    line = style.flow([verdict, visible_line(result.id), told])
    if result.written and result.snapshot:
        line += f"\n  wrote {visible_line(result.snapshot)}"
    return line


def _coloured(verdict: Verdict, word: str, style: Style) -> str:
    if verdict is Verdict.PASSED:
        return style.paint(word, "green")
    if verdict in {Verdict.NEW, Verdict.SKIPPED}:
        return style.paint(word, "yellow")
    return style.paint(word, "red")


def write_details(result: CaseResult, style: Style) -> Iterator[str]:
    """What a reader needs to know beyond the verdict: reasons, broken rules, differences."""
    if result.reason:
        yield _lay(visible(result.reason), style)
    if result.error:
        yield _indent(write_problem(result.error, style))
    if result.failure:
        yield _lay(write_failure(result.failure, style), style)
    for outcome in result.outcomes:
        yield from _write_judged(outcome, style)
    yield from _write_comparison(result, style)
    if result.sets is not None:
        # Few cases are sampled.
        from promptrun.reports.sets import write_set

        inside = style.inside(2)
        yield from (_indent(text) for text in write_set(result.sets, inside))
    for warning in result.warnings:
        yield _indent(
            write_message(
                "warning", warning.message, style, location=warning.location, hint=warning.hint
            )
        )
    for note in result.notes:
        yield _lay(f"note: {visible(note)}", style)


def _write_judged(outcome: Outcome, style: Style) -> Iterator[str]:
    if not outcome.kept:
        yield _lay(write_outcome(outcome), style)
    elif outcome.not_judged:
        yield _lay(f"{outcome.kind}: not judged, {visible_line(outcome.not_judged)}", style)
    else:
        if outcome.kind == "judge" and outcome.found:
            yield _lay(f"judge: {visible_line(outcome.found)}", style)
        yield from (_lay(f"note: {visible_line(one)}", style) for one in outcome.details)


def write_outcome(outcome: Outcome) -> str:
    """A broken expectation: what was expected, what was found, and where in the reply."""
    where = f" in {visible_line(outcome.where)}" if outcome.where else ""
    if outcome.error is not None:
        lines = [f"not judged: {outcome.kind}{where}: {visible(outcome.error)}"]
    else:
        lines = [
            f"broken: {outcome.kind}{where}",
            f"  expected: {visible_line(outcome.expected)}",
            f"  found:    {visible_line(outcome.found)}",
        ]
    return "\n".join([*lines, *(f"  {visible_line(one)}" for one in outcome.details)])


def _write_comparison(result: CaseResult, style: Style) -> Iterator[str]:
    comparison = result.comparison
    if comparison is None:
        return
    for heading, differences in (
        ("the request moved", comparison.request),
        ("the reply differs", comparison.reply),
    ):
        if differences:
            yield f"  {style.paint(heading, 'bold')}"
            yield from _write_differences(differences, style)
    if comparison.causes and Cause.REPLY not in comparison.causes and result.sets is None:
        yield "  the reply is equal" if comparison.compared else "  the reply is not compared"
    for warning in comparison.warnings:
        yield _lay(write_message("warning", warning, style), style)
    for note in comparison.notes:
        yield _lay(f"note: {visible(note)}", style)


def _write_differences(differences: Iterable[Difference], style: Style) -> Iterator[str]:
    # Most comparisons find none, and then nothing that writes one is loaded.
    from promptrun.reports.differences import write_difference

    inside = style.inside(4)
    for difference in differences:
        yield _indent("\n".join(write_difference(difference, inside)), 4)


def write_failure(failure: Failure, style: Style) -> str:
    """Why no reply came, with what the server said of it."""
    facts = {
        "status": failure.status,
        "code": failure.code,
        "type": failure.type,
        "param": failure.param,
        "request": failure.request_id,
    }
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    message = f"{failure.message} ({told})" if told else failure.message
    return write_message("error", message, style, hint=failure.hint)


def write_summary(counts: Counter[Verdict], style: Style, *, updated: int, seconds: float) -> str:
    """One line that counts every verdict that was given, worst first."""
    parts = [
        _coloured(verdict, f"{counts[verdict]} {verdict}", style)
        for verdict in WORST_FIRST
        if counts[verdict]
    ]
    accepted = f", {updated} of them accepted" if updated else ""
    return "\n".join(style.fold(f"{', '.join(parts)}{accepted} in {seconds:.1f} s", 2))


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(f"{' ' * by}{line}" if line else "" for line in text.split("\n"))


def _lay(text: str, style: Style) -> str:
    """Lines below a verdict, each in the rows that it takes."""
    return style.fold_text(_indent(text))
