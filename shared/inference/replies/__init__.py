"""What model hosts send: replies, errors, and their limits."""
