"""The three tiers on Redis, each user's index of questions, and the fence."""
