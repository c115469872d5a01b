"""Notes: values, chunking, stores and change messages."""
