"""Change messages and their envelopes."""
