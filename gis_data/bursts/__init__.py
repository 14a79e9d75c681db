"""From calls to a probable burst: cluster on the pipes, judge against the usual, rank the pipes."""
