"""From a fault on a bad pointer back to the function that let it in.

The way back is walked over the machine code in the dump, along all paths that lead to the fault. Each instruction is
undone: what a register holds behind it tells what another held before it, and the stack of the dump tells what was
pushed. A path on which two such facts contradict each other was not taken.
"""
