"""The two numbers every figure about calls depends on."""

from __future__ import annotations

# Who hangs up within so many seconds of joining the queue dialled wrong or thought better of it:
# counted apart, and left out of "offered" and "abandoned".
SHORT_ABANDON_S = 5
# What the service level asks for.
SERVICE_LEVEL_S = 15
