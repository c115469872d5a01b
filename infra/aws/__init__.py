"""The nested templates of `template.yaml`."""
