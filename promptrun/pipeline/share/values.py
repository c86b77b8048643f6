"""What is written in a file of data, with the escapes of its language undone."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import Any

from promptrun.errors import PromptrunError
from promptrun.files.json import parse
from promptrun.files.source import Source
from promptrun.files.yaml import parse_yaml


def read_value(path: str, text: str) -> Any:
    """The value of a file of YAML, JSON, JSON lines or CSV; None for any other, or a broken one.

    A template may be called so, too, and is no YAML before it is filled in.
    """
    text = text.removeprefix("\ufeff")
    try:
        match PurePosixPath(path).suffix.lower():
            case ".yaml" | ".yml":
                return parse_yaml(Source(path, text))
            case ".json":
                return parse(text)
            case ".jsonl":
                return [parse(line) for line in text.split("\n") if line.strip()]
            case ".csv":
                return list(csv.reader(io.StringIO(text)))
    except (PromptrunError, ValueError, csv.Error):
        pass
    return None
