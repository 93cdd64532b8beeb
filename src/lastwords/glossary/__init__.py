"""The terms of a crash report, explained.

Tables that code works with are modules: `taints`, `errno`, `poison`, `codes`, `syscalls`; `values` puts numbers into
words and `margin` lines of a report. Prose is in `terms/*.toml`, one file a subject, read by `book`. To teach lastwords
a term, add it to the file of its subject.
"""
