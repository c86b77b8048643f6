"""What somebody has to expect who accepts a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from promptrun.models import Outcome


def write_expectation(outcomes: Sequence[Outcome]) -> str:
    """What follows the name of a reply that was accepted against a rule, or unjudged."""
    broken = [one.kind for one in outcomes if not one.kept and one.error is None]
    unjudged = [one.kind for one in outcomes if one.not_judged or one.error]
    told = ""
    if broken:
        what = "an expectation" if len(broken) == 1 else "expectations"
        told = f": it breaks {what} ({_listed(broken)}): the case will go on failing"
    return f"{told}: not judged ({_listed(unjudged)})" if unjudged else told


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(kinds))
