"""How wrong a forecast was: sMAPE, WAPE, MASE and the coverage of its interval. Pure.

`actual` and `forecast` are arrays of the same shape (calls for each half hour). None where there
is nothing to divide by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def _pair(actual: Any, forecast: Any) -> tuple[Numbers, Numbers]:
    y, f = np.asarray(actual, float), np.asarray(forecast, float)
    if y.shape != f.shape:
        raise ValueError(f"forecast: shape {f.shape} instead of {y.shape}")
    return y, f


def smape(actual: Any, forecast: Any) -> float | None:
    """200/n x sum |y-f| / (|y|+|f|) in percent; 0/0 counts as 0. Jumps where counts are small."""
    y, f = _pair(actual, forecast)
    if not y.size:
        return None
    whole = np.abs(y) + np.abs(f)
    parts = np.divide(np.abs(y - f), whole, out=np.zeros_like(whole), where=whole > 0)
    return float(200 * parts.mean())


def wape(actual: Any, forecast: Any) -> float | None:
    """Sum |y-f| / sum |y|: a share."""
    y, f = _pair(actual, forecast)
    whole = float(np.abs(y).sum())
    return float(np.abs(y - f).sum()) / whole if whole else None


def mase(actual: Any, forecast: Any, naive_error: float) -> float | None:
    """Mean |y-f| over `naive_error`, the mean error of the seasonal naive while training."""
    y, f = _pair(actual, forecast)
    if not y.size or naive_error <= 0:
        return None
    return float(np.abs(y - f).mean()) / naive_error


def coverage(actual: Any, low: Any, high: Any) -> float | None:
    """The share of what came that lies in [low, high]."""
    y, lo = _pair(actual, low)
    _y, hi = _pair(actual, high)
    return float(((y >= lo) & (y <= hi)).mean()) if y.size else None
