"""Note change messages and the envelopes that carry them."""
