"""The built functions on Lambda's own runtime and interface emulator, without Docker."""
