"""What a dump says of the machine: one module a subject, each part of `lastwords.model.Machine` one function."""

from .collect import collect
from .part import part

__all__ = ["collect", "part"]
