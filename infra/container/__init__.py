"""All functions in one container image."""
