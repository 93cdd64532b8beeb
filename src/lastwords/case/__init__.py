"""One crash: what the user has of it, sorted, read and put together."""

from .analysis import Material, analyze, collect
from .vmcore import Debuginfo

__all__ = ["Debuginfo", "Material", "analyze", "collect"]
