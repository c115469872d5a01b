"""A folder for each function: an event comes in, a response goes out, no logic."""
