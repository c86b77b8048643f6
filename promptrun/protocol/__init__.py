"""What a Chat Completions request is: its fields, its messages, and the rules that join them."""

from promptrun.protocol.arguments import create_arguments
from promptrun.protocol.fields import FIELDS, PART, SDK_FIELDS, Field, Part, check_field
from promptrun.protocol.messages import check_messages
from promptrun.protocol.problem import Path, Problem, did_you_mean, is_template, nearest, shown
from promptrun.protocol.together import check_json_mode, check_together

__all__ = [
    "FIELDS",
    "PART",
    "SDK_FIELDS",
    "Field",
    "Part",
    "Path",
    "Problem",
    "check_field",
    "check_json_mode",
    "check_messages",
    "check_together",
    "create_arguments",
    "did_you_mean",
    "is_template",
    "nearest",
    "shown",
]
