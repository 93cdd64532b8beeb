"""From files to kernel messages: finds the files, unpacks them, recognises the format, takes off the prefixes."""

from .dialect import Dialect
from .files import Input, among_strings, files_below, find, holds_control, is_binary, not_a_log
from .host import host_in, machines_in
from .recognition import recognise
from .text import Text
from .transport import decoded

__all__ = [
    "Dialect",
    "Input",
    "Text",
    "among_strings",
    "decoded",
    "files_below",
    "find",
    "holds_control",
    "host_in",
    "is_binary",
    "machines_in",
    "not_a_log",
    "recognise",
]
