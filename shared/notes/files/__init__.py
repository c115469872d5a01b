"""Notes in files: encodings, front matter, and Markdown that is reduced to its text."""
