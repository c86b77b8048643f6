"""``--cause``: only the changes that one cause leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from promptrun.models import Cause


def _as_cause(
    _context: click.Context, _parameter: click.Parameter, word: str | None
) -> Cause | None:
    # The values of a run take longer to load than the help of a command may take.
    from promptrun.models import Cause

    return Cause(word) if word else None


by_cause = click.option(
    "--cause",
    type=click.Choice(["prompt", "settings", "model", "reply"]),
    callback=_as_cause,
    help="Only replies of which this moved first.",
)
