"""Which texts stand in a snapshot without quotes: for what writes it and for what reads it fast."""

from __future__ import annotations

import re

MARK = "\U0010fffd"
"""Begins an escape: see `escape`."""

# A literal block would lose these (line ends of YAML 1.1, BOM), YAML forbids them (controls,
# surrogates), or a reviewer would be deceived by them (bidirectional overrides, invisible tags).
UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff"
    "\U000e0000-\U000e007f" + MARK + "]"
)

# Text that every reader of YAML 1.1 and 1.2 takes for text: a letter, then nothing that could be
# an indicator; and none of the words below. All numbers and dates begin with a digit or a sign.
# Possessive: a way back for each character would take a hundred bytes of memory for each.
PLAIN = re.compile(r"[^\W\d_](?:[\w ./@+=(),;!?$%&*'-]++|:(?=[\w/]))*+(?<=[\w./@+=(),;!?$%&*'-])")
WORDS = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"]
)
