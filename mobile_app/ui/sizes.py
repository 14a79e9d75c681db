"""Window sizes as they are typed."""

from __future__ import annotations

import argparse
import re


def read_size(text: str) -> tuple[int, int]:
    """``390x780``; an argparse error when it is no size a window can have."""
    found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 390x780")
    return int(found[1]), int(found[2])
