"""Loading a city: from street and network files to tables, in one transaction.

Above network, places and customers, which do not know each other; below the portal, whose
commands call it. No app of its own: it has no tables.
"""
