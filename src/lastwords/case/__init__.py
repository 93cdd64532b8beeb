"""One crash: what the user has of it, sorted, read and put together."""

from .analysis import analyze

__all__ = ["analyze"]
