"""Versions of the network in service: drafts from files, what would change, approve, roll back.

Above network, customers and outages, which do not know each other: a change of the network has to
look at all three.
"""
