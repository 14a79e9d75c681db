"""The front door: set-up, private services, supervision, backup and tests of Standpipe.

Everything here runs on the standard library alone until the Python environment exists.
"""

from __future__ import annotations

VERSION = "0.1.0"
