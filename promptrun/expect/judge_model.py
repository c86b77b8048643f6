"""``judge: RUBRIC``: what another model says of a reply.

A mapping says more: ``{rubric: …, model: …, threshold: 0.7, spec: judges/_polite.yaml}``, or
``{same_as: snapshot}`` for a reply that must say the same as the accepted one. The judge is asked
by its own spec, whose variables are `rubric`, `reply`, `accepted` and `conversation`; its
judgement is kept in the snapshot, so that a replay asks nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from promptrun.expect.family import Family, Finding, Question, failed, not_judged, quote, shorten

if TYPE_CHECKING:
    from promptrun.expect.family import Choice, Evidence
    from promptrun.protocol import Path, Problem

THRESHOLD: Final = 0.5
"""The least score that keeps the expectation, where it names none."""

SAME: Final = "The reply says the same as the accepted reply, in whatever words."
"""The rubric of ``same_as: snapshot``, where it names none."""

OWN_SPEC: Final = "promptrun"
"""What the judge's spec of promptrun is called in a key."""

_FORM: Final = "write a text, `{rubric: …, threshold: 0.7}` or `{same_as: snapshot}`"


def _check(value: Any, path: Path) -> list[Problem]:
    from promptrun.protocol import Problem, shown
    from promptrun.protocol.checks import mapping, number, one_of, text
    from promptrun.protocol.problem import Report

    report = Report(rendered=True)
    if isinstance(value, str):
        if not value.strip():
            report.add(path, "`judge` needs a rubric: what the reply has to be like", _FORM)
    elif not isinstance(value, dict):
        report.add(path, f"`judge` takes a rubric, not {shown(value)}", _FORM)
    else:
        words = text(pattern=r"(?s).*\S.*", what="a text with words")
        check = mapping(
            {
                "rubric": words,
                "model": words,
                "threshold": number(0, 1),
                "spec": text(pattern=r"(?s).+\.ya?ml", what="the path of a YAML file"),
                "same_as": one_of("snapshot"),
            }
        )
        check(value, path, report)
        if not value.keys() & {"rubric", "same_as", "spec"}:
            report.add(path, "`judge` needs a `rubric`: what the reply has to be like", _FORM)
    # What a server of the protocol may see otherwise is a rule of promptrun's own here.
    return [Problem(one.path, one.message, one.hint, key=one.key) for one in report.problems]


def _ask(argument: Any, choice: Choice, evidence: Evidence) -> Question | None:
    """The question about one choice; None where the answer is known, or there is nothing to ask."""
    from promptrun.expect.judge_text import conversation_text, whole_characters
    from promptrun.files.json import digest

    wanted = _as_mapping(argument)
    if choice.text is None or _known(wanted, choice, evidence) is not None:
        return None
    same = "same_as" in wanted
    said = {
        "rubric": wanted.get("rubric", SAME if same else ""),
        "reply": choice.text,
        "accepted": evidence.accepted_texts(choice)[0] if same else "",
        "conversation": conversation_text(evidence.request.get("messages")),
    }
    # A request holds no half of a character, and a reply may.
    variables = {name: whole_characters(text) for name, text in said.items()}
    spec, model = wanted.get("spec"), wanted.get("model")
    # Another prompt of the judge, or another model, makes it another judgement.
    asked = model or (evidence.request.get("model") if spec is None else None)
    key = digest([spec or OWN_SPEC, evidence.judges.get(spec, ""), asked, variables])
    return Question(key=key, spec=spec, model=model, variables=variables)


def _test(argument: Any, choice: Choice, evidence: Evidence) -> Finding:
    wanted = _as_mapping(argument)
    if choice.text is None:
        return Finding(kept=False, found=choice.instead)
    known = _known(wanted, choice, evidence)
    if known is not None:
        return known
    question = _ask(argument, choice, evidence)
    judgement = evidence.judgements.get(question.key) if question else None
    if judgement is None:
        return not_judged("the snapshot holds no judgement of this reply")
    if judgement.failed or judgement.score is None:
        return failed(judgement.reason)
    first, *rest = judgement.reason.splitlines() or [""]
    told = shorten(first)
    return Finding(
        kept=judgement.score >= wanted.get("threshold", THRESHOLD),
        found=f"score {judgement.score:g}: {told}",
        details=tuple(rest if told == first else (first, *rest)),
    )


def _known(wanted: dict[str, Any], choice: Choice, evidence: Evidence) -> Finding | None:
    """What needs no judge: the same text says the same, and without another there is no telling."""
    if "same_as" not in wanted:
        return None
    if evidence.accepted is None:
        return not_judged("there is no accepted reply yet")
    texts = evidence.accepted_texts(choice)
    if not texts:
        return Finding(kept=False, found=f"no accepted text for {choice.name}")
    return Finding(kept=True, found="the same text") if choice.text in texts else None


def _describe(argument: Any) -> str:
    wanted = _as_mapping(argument)
    parts = [quote(wanted["rubric"])] if "rubric" in wanted else []
    if "same_as" in wanted:
        parts.append("the same as the snapshot")
    if "spec" in wanted:
        parts.append(f"by {quote(wanted['spec'])}")
    if "model" in wanted:
        parts.append(f"by the model {quote(wanted['model'])}")
    return f"{', '.join(parts)} (at least {wanted.get('threshold', THRESHOLD):g})"


def _as_mapping(argument: Any) -> dict[str, Any]:
    return {"rubric": argument} if isinstance(argument, str) else argument


FAMILY = Family(check=_check, describe=_describe, test=_test, ask=_ask)
