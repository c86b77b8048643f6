"""Drawings of pygal as inline SVG, stripped of all that a strict policy forbids."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, Final
from xml.etree import ElementTree as ET

from markupsafe import Markup
from msgspec import Struct

from promptrun.reports.html.look import fill
from promptrun.reports.style import visible_line

MAX_LABEL: Final = 26
"""Characters of a label of a chart."""

_NOT_XML = re.compile(r"[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONG_NUMBER = re.compile(r"\d+\.\d{2,}")
_DROPPED = {"defs", "style", "script", "title", "desc"}
_ATTRIBUTES = {"class", "d", "x", "y", "width", "height", "transform", "viewBox", "r", "cx", "cy"}


class Chart(Struct, frozen=True, kw_only=True):
    """A drawing, and the table that says the same."""

    name: str
    kind: str
    """The class of its figure."""
    told: str = ""
    """What it comes to, in a few words."""
    svg: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    legend: Sequence[str] = ()
    """The words that explain its colours; each is the class of its colour, too."""


def write_figures(charts: Sequence[Chart]) -> Markup:
    """A figure for each chart: its name, its drawing, its legend, its table."""
    return fill("charts.html", charts=charts) if charts else Markup("")


def write_label(text: str) -> str:
    """A text as a label that a drawing can hold, its end where it is too long."""
    shown = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", visible_line(text))
    return shown if len(shown) <= MAX_LABEL else f"…{shown[1 - MAX_LABEL :]}"


def begin_chart(kind: str, *, height: int = 128, **options: Any) -> Any:
    """A chart of pygal without what a browser would have to load, run or style by attributes."""
    pygal = _import_pygal()
    from pygal.style import Style

    return getattr(pygal, kind)(
        style=Style(label_font_size=11, major_label_font_size=11),
        width=420,
        height=height,
        margin=6,
        margin_right=36,
        spacing=6,
        js=(),
        css=(),
        no_prefix=True,
        show_legend=False,
        disable_xml_declaration=True,
        show_minor_x_labels=kind == "HorizontalStackedBar",
        max_scale=5,
        dots_size=2.5,
        truncate_label=-1,
        **options,
    )


def _import_pygal() -> Any:
    import pygal

    # It leaves a finder of an old kind behind, at which each later import would warn.
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
    ]
    return pygal


def draw_chart(chart: Any, told: str) -> Markup:
    """The drawing as an element that is told as `told`."""
    root = ET.fromstring(chart.render())  # noqa: S314 - pygal wrote it, of cleaned labels
    for element in root.iter():
        _strip(element)
    root.attrib |= {"role": "img", "aria-label": told}
    text = ET.tostring(root, encoding="unicode")
    return Markup(text)  # noqa: S704 - serialized, and of known elements and attributes


def _strip(element: ET.Element) -> None:
    """Leave shapes and texts; a value becomes the title of its shape."""
    element.tag = element.tag.rpartition("}")[2]
    told = [one.text for one in element if one.get("class") in {"x_label", "value"} and one.text]
    for child in list(element):
        name, kind = child.tag.rpartition("}")[2], child.get("class", "")
        if name in _DROPPED or kind.endswith("-overlay") or kind == "tooltip":
            element.remove(child)
    if told:
        ET.SubElement(element, "title").text = ": ".join(reversed(told))
    kept = {
        name: _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}", value)
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES
    }
    element.attrib.clear()
    element.attrib |= kept
