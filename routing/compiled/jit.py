"""Compiling loops: `@kernel` on a function of arrays and numbers.

Machine code is kept in NUMBA_CACHE_DIR where that is set, else beside the source or in the user's
cache. Where nothing can be written it is made anew in each process, in some seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """`function` as machine code, compiled at its first call. Other threads run meanwhile."""
    try:
        made: Function = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        # No place to keep the code: a read-only checkout without a home.
        made = numba.njit(nogil=True)(function)
    return made


def inlined(function: Function) -> Function:
    """A small function that kernels call."""
    made: Function = numba.njit(inline="always")(function)
    return made


def freeze(array: Any, kind: Any = None) -> Any:
    """The array in one piece and read-only: kernels are compiled once for what is shared.

    `kind`: the type of its elements, as it is when not given.
    """
    made = np.ascontiguousarray(array, dtype=kind)
    if made.flags.writeable:
        made = made.view()
        made.flags.writeable = False
    return made
