"""What every table for a spreadsheet has in common."""

from __future__ import annotations


def plain(text: str) -> str:
    """A cell that no spreadsheet runs as a formula: what begins like one stands behind a '."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
