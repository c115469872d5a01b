"""Entry points: one package for each function, without domain logic."""
