"""Show what the cache saves."""
