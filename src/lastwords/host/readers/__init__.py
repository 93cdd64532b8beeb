"""What other programs wrote down before the crash, read: evidence files in, structs of `model.history` out.

One module a format. None trusts what it reads: files are cut off, written by old versions, or by an attacker.
"""

from .recognize import Form, History, read_history, recognize

__all__ = ["Form", "History", "read_history", "recognize"]
