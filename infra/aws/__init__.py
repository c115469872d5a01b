"""The nested templates of `template.yaml`, and the emulator of the built functions."""
