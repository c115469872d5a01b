"""Structured logs, timings of steps, OpenTelemetry spans."""
