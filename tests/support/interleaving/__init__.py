"""Simulation of requests, note changes, evictions and faults in random order.

`world.run(seed, wire)` runs one simulated world. It raises `history.StaleError` if a response is
none that the pipeline without a cache could have given.
"""
