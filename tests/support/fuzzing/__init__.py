"""Property-based tests of hostile inputs: strategies, and the properties that must hold."""
