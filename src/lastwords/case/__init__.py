"""One crash: what the user has of it, sorted, read and put together."""

from .analysis import analyze
from .vmcore import Debuginfo

__all__ = ["Debuginfo", "analyze"]
