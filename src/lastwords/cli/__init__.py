"""The `lastwords` command: one file a subcommand; each parses, calls one function of a room, and prints.

`lastwords.__main__` is where it starts; this file imports nothing, so that Ctrl-C is caught from there on.
"""
