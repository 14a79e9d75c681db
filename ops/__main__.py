"""`python -m ops`: what the `standpipe` script hands over to."""

from __future__ import annotations

import sys

from ops.cli import main

sys.exit(main())
