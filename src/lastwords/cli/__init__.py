"""The `lastwords` command: one file a subcommand; each parses, calls one function of a room, and prints."""

from .main import main

__all__ = ["main"]
