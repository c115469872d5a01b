"""Embeddings and answers from language models."""
