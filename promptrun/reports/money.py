"""How amounts of money are written."""

from __future__ import annotations


def write_dollars(dollars: float) -> str:
    """US dollars: two digits of them, and four where it is little."""
    return f"${dollars:,.2f}" if dollars >= 0.1 or not dollars else f"${dollars:.4f}"
