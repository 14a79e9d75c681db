"""What the front door says when it cannot go on."""

from __future__ import annotations


class OpsError(Exception):
    """Something the reader can act on. `code` becomes the exit status."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code
