"""What `template.yaml` includes, and the built functions on Lambda's own runtime."""
