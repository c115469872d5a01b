"""Runs the built functions on Lambda's runtime and interface emulator, without Docker."""
