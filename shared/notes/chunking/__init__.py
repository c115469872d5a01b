"""Splits notes into chunks: Markdown structure, cuts, packing."""
