"""The compiled network: columns, what follows from them, and the loops over both.

`NetworkArrays` holds a version as columns, `Topology` its segments, cells and arcs, `Standing` who
has water as the valves stand. `storage` keeps the first two in a folder that all processes map.
"""
