"""The fragments that all pages share: everything from outside comes out of them escaped."""

from promptrun.reports.html.case import write_case
from promptrun.reports.html.conversation import write_conversation
from promptrun.reports.html.difference import write_difference, write_texts
from promptrun.reports.html.json_tree import write_json_tree
from promptrun.reports.html.reply import write_reply

__all__ = [
    "write_case",
    "write_conversation",
    "write_difference",
    "write_json_tree",
    "write_reply",
    "write_texts",
]
