"""Tasks that stand at the same place."""

from typing import TYPE_CHECKING

from lastwords.model import StackGroup, stack_groups

from .part import part
from .tasks import all_tasks

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel


@part("stacks")
def stacks(kernel: "Kernel") -> tuple[StackGroup, ...]:
    """All tasks, grouped by equal stacks."""
    return stack_groups(all_tasks(kernel))
