"""Vehicles and phones: topics, messages, broker configuration, positions, ingest and publishing.

A plain library: values in, values out. It knows neither Django nor any other Standpipe package.
"""
