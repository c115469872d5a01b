"""A page for one's own machine: the way an answer takes, and what an edited note takes away."""
