"""Timings of steps, structured logs, OpenTelemetry spans."""
