"""Notes: the notes of the caller, where Tercet is their only owner."""
