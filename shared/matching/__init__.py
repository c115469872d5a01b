"""Is this question that one? Candidate, guard, verifier."""
