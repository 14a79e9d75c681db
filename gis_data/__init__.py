"""Pipe network and places as data: readers, coordinate systems, quality, isolation, snapping.

A plain library: values in, values out. Coordinates are (lon, lat) in EPSG:4326, everything
measured is in metres, seconds and cubic metres, measured in a projected system named by its EPSG
number. Nothing here keeps state or knows where the values are stored.
"""
