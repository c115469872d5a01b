"""Small worlds in which asks, changes, evictions and faults run in every order a seed can draw.

`world.run(seed, wire)` runs one; it raises `history.StaleError` where a response is not one
that the uncached pipeline could have given.
"""
