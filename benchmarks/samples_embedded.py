"""Sets of samples on the real embedded model at temperature 1: false alarms and a regression.

``python benchmarks/samples_embedded.py [--runs 40]``: the example `specs/animals.yaml` is accepted,
run again and again unchanged, and then with its worked examples taken out of the prompt. Targets:
at most 1 of 40 unchanged runs alarms, and the worse prompt is told by a p under 0.01. It takes
about six seconds a run; exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import promptrun

if TYPE_CHECKING:
    from promptrun.models import CaseResult

ROOT = Path(__file__).resolve().parent.parent
SPEC = (ROOT / "specs" / "animals.yaml").read_text(encoding="utf-8")
FEW = 40
"""Runs of which one may alarm."""


def run(spec: Path) -> CaseResult:
    """One run of the only case."""
    [result] = promptrun.run(spec, provider="local", update="new")
    return result


def usual_alpha(text: str) -> str:
    """The spec at the usual alpha: that of the repository is stricter."""
    changed = re.sub(r"samples: .*", "samples: 10", text)
    assert changed != text, "the spec says how it is sampled"
    return changed


def without_examples(text: str) -> str:
    """The spec with a worse prompt: its two worked examples are left out."""
    changed = re.sub(
        r"(?s)  - role: user\n    content: A fox.*?(?=  - role: user\n    content: A horse)",
        "",
        text,
    )
    assert changed != text, "the spec has worked examples"
    return changed


def main() -> int:
    """Print what came of it; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=FEW, help="unchanged runs")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "promptrun.toml").write_text("", encoding="utf-8")
        spec = root / "animals.yaml"
        spec.write_text(usual_alpha(SPEC), encoding="utf-8")
        assert run(spec).verdict == "new"
        begun = perf_counter()
        unchanged = [run(spec) for _ in range(runs)]
        seconds = (perf_counter() - begun) / max(1, runs)
        spec.write_text(without_examples(usual_alpha(SPEC)), encoding="utf-8")
        worse = run(spec)
    one_look = sum(bool(one.sets and one.sets.alarm) for one in unchanged)
    changed = sum(one.verdict != "passed" for one in unchanged)
    print(f"unchanged prompt, {runs} runs of 10 samples, {seconds:.1f} s each:")
    print(f"  alarmed at the first look: {one_look}")
    print(f"  changed after the second:  {changed} (target: at most 1 of {FEW})")
    assert worse.sets is not None
    assert worse.sets.replies is not None
    assert worse.comparison is not None
    p, causes = worse.sets.replies.p, ", ".join(worse.comparison.causes)
    print(f"worse prompt: {worse.verdict} ({causes}), p {p:.2g} (target: under 0.01)")
    kept = changed <= max(1, runs // FEW) and p < 0.01 and worse.comparison.causes[0] == "prompt"
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
