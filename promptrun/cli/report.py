"""``promptrun report``: a recorded run as a page, or in the formats of other programs."""

from __future__ import annotations

import click

EXAMPLES = """\b
Examples:
  promptrun report last html=report.html
  promptrun report last junit=junit.xml markdown=summary.md
  promptrun report 20261125T101500-3f2a jsonl=- | jq .verdict
"""


@click.command("report", epilog=EXAMPLES)
@click.argument("run")
@click.argument("reports", nargs=-1, metavar="FORMAT=PATH…", required=True)
def command(run: str, reports: tuple[str, ...]) -> int:
    """Write reports of a recorded run: `last`, its id, or the beginning of one.

    The formats: html, junit, json, jsonl, markdown, github. A file is replaced whole; `-` is
    stdout. Nothing is sent.
    """
    from promptrun.cli.report_files import parse_reports, write_reports
    from promptrun.cli.screen import Screen
    from promptrun.files.tree import find_root
    from promptrun.pipeline.options import working_folder
    from promptrun.pipeline.reporting import RecordedRun

    folder = working_folder()
    wanted = parse_reports(reports, folder)
    with RecordedRun([find_root(folder)], run) as recorded:
        write_reports(recorded, wanted, Screen())
    return 0
