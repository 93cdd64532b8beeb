"""lastwords finds out why a Linux kernel died."""

__version__ = "0.1.0"
