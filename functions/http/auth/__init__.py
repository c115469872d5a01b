"""Authentication: the user who sends a request, and the token's scopes."""
