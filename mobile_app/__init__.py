"""The crew's app: work orders on a phone that keeps working without signal.

Everything but ``app``, ``screens`` and ``widgets`` works without Kivy, so tests and the simulator
use the same code as the phone.
"""
