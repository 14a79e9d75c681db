"""The street engine: plain arrays that every process maps, and loops in numba over them."""
