"""Make a host ready for its next crash: a plan from the checks that fail, carried out with a way back.

Each subject has its module in `areas/`; a step there is one function under `@step` that names the checks it satisfies.
"""

from .apply import Applied, NotApplied, apply
from .plan import Command, Edit, Plan
from .steps import plan
from .undo import NothingToUndo, Undone, undo

__all__ = ["Applied", "Command", "Edit", "NotApplied", "NothingToUndo", "Plan", "Undone", "apply", "plan", "undo"]
