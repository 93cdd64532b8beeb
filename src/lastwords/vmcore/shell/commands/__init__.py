"""The commands: one module a subject, one function a command."""
