"""A prompt over a dump that understands crash's commands and Python with drgn's names.

    shell = Shell(kernel, dump)
    shell.run("bt -a | grep rwsem; p init_task.comm")

A command is a function with `@command` in a module of `commands/`; it is found by itself. What crash has and drgn's
own commands do well comes from drgn (`from_drgn.py`).
"""

from .command import COMMANDS, CommandError
from .shell import Shell

__all__ = ["COMMANDS", "CommandError", "Shell"]
