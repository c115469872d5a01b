"""The layer that the three functions share."""
