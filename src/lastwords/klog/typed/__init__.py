"""Crash reports that somebody typed off a screen, or that a program read off a photo of one.

Case, blanks, brackets and time stamps are then not the kernel's. What such a text says is written as the kernel writes
it, and read again. Only short texts that hold little else are taken for one: mails, manuals and change logs speak of
crashes in the same words.
"""

from .read import DAMAGE, may_be_typed, typed

__all__ = ["DAMAGE", "may_be_typed", "typed"]
